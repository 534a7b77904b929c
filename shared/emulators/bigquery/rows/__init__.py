"""Rows on their way in and out: checked against a schema, and written as BigQuery writes values."""
