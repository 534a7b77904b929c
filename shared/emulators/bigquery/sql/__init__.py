"""SQL: BigQuery's dialect becomes DuckDB's."""
