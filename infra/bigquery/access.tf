# Who may append rows to which table, and who may read them.

locals {
  appends = merge(local.of_the_functions, var.has_monitor ? local.of_the_monitor : {})

  of_the_monitor = {
    monitor_appends_events = { table = "model_events", who = "monitor" }
  }

  of_the_functions = {
    classify_backlog_appends_failures    = { table = "failures", who = "classify-backlog" }
    classify_backlog_appends_predictions = { table = "predictions", who = "classify-backlog" }
    classify_request_appends_labels      = { table = "labels", who = "classify-request" }
    classify_request_appends_predictions = { table = "predictions", who = "classify-request" }
    classify_upload_appends_failures     = { table = "failures", who = "classify-upload" }
    classify_upload_appends_predictions  = { table = "predictions", who = "classify-upload" }
  }
}

resource "google_bigquery_table_iam_member" "append" {
  for_each   = local.appends
  project    = var.project
  dataset_id = google_bigquery_dataset.dataset.dataset_id
  table_id   = google_bigquery_table.table[each.value.table].table_id
  role       = var.roles["append"]
  member     = var.identities[each.value.who]
}

# Who publishes a model records that, and may add to no other table.
resource "google_bigquery_table_iam_member" "publisher_records_events" {
  for_each   = var.publishers
  project    = var.project
  dataset_id = google_bigquery_dataset.dataset.dataset_id
  table_id   = google_bigquery_table.table["model_events"].table_id
  role       = var.roles["append"]
  member     = each.key
}

# With --keep the job asks which uploads have their row: it reads two tables, and runs queries.
resource "google_bigquery_table_iam_member" "classify_backlog_reads" {
  for_each   = toset(var.reads_rows ? ["failures", "predictions"] : [])
  project    = var.project
  dataset_id = google_bigquery_dataset.dataset.dataset_id
  table_id   = google_bigquery_table.table[each.key].table_id
  role       = "roles/bigquery.dataViewer"
  member     = var.identities["classify-backlog"]
}

# Queries belong to the project: there is no smaller thing to grant this on.
resource "google_project_iam_member" "classify_backlog_queries" {
  count   = var.reads_rows ? 1 : 0
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = var.identities["classify-backlog"]
}

# A view is read as its tables are, so the monitor reads the whole dataset.
resource "google_bigquery_dataset_iam_member" "monitor_reads" {
  count      = var.has_monitor ? 1 : 0
  project    = var.project
  dataset_id = google_bigquery_dataset.dataset.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = var.identities["monitor"]
}

resource "google_project_iam_member" "monitor_queries" {
  count   = var.has_monitor ? 1 : 0
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = var.identities["monitor"]
}

resource "google_bigquery_dataset_iam_member" "reader" {
  for_each   = var.readers
  project    = var.project
  dataset_id = google_bigquery_dataset.dataset.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.key
}
