"""BigQuery's REST API over HTTP: one module for each resource."""
