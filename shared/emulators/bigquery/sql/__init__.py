"""Translate SQL from BigQuery's grammar and functions to DuckDB's."""
