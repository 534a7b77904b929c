"""BigQuery on a laptop: one process, one DuckDB file, the part of the REST API that the real clients use."""
