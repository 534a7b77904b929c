"""HTTP: BigQuery's REST API, a module a resource."""
