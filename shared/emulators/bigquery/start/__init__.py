"""Start and stop of the process, and the tables and views of the schema files."""
