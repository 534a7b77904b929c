"""Rows: check incoming rows against a schema, and write outgoing rows in BigQuery's JSON."""
