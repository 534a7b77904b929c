# classify(uri) in SQL: BigQuery posts rows to classify-request, which answers each with JSON.

resource "google_bigquery_routine" "classify" {
  project         = var.project
  dataset_id      = var.dataset
  routine_id      = "classify"
  routine_type    = "SCALAR_FUNCTION"
  description     = "The prediction for the image of a gs:// URI, as JSON; an image that cannot be classified has its error in it."
  definition_body = ""
  return_type     = jsonencode({ typeKind = "JSON" })

  arguments {
    name      = "uri"
    data_type = jsonencode({ typeKind = "STRING" })
  }

  remote_function_options {
    endpoint   = var.endpoint
    connection = var.connection
    # One request: more than MAX_IMAGES_PER_REQUEST would be refused.
    max_batching_rows = var.rows
  }
}
