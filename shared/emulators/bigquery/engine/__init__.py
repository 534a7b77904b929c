"""The DuckDB file: its connection, its writer, its catalog, and the jobs."""
