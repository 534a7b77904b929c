"""The DuckDB file: who may write it, what tables it has, which jobs ran."""
