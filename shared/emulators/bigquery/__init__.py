"""The BigQuery emulator: one process, one DuckDB file, and the part of the REST API that the real clients use."""
