# The archive as a table of objects, and the connection that BigQuery reads it with, and calls functions with.

resource "google_bigquery_connection" "connection" {
  project       = var.project
  connection_id = "bucketlens"
  location      = var.region
  description   = "Reads the archive bucket; calls classify-request."
  cloud_resource {}
}

resource "google_storage_bucket_iam_member" "connection_reads_archive" {
  bucket = var.archive_bucket
  role   = "roles/storage.objectViewer"
  member = local.connection_member
}

resource "time_sleep" "connection_is_known" {
  create_duration = "${var.wait_s}s"
  triggers        = { grant = google_storage_bucket_iam_member.connection_reads_archive.id }
}

resource "google_bigquery_table" "archived_images" {
  project             = var.project
  dataset_id          = google_bigquery_dataset.dataset.dataset_id
  table_id            = "archived_images"
  description         = "An object of the archive bucket in each row: uri, size, content_type, updated. At most an hour old."
  deletion_protection = var.deletion_protection
  max_staleness       = "0-0 0 1:0:0"

  external_data_configuration {
    autodetect          = false
    connection_id       = google_bigquery_connection.connection.name
    metadata_cache_mode = "AUTOMATIC"
    object_metadata     = "SIMPLE"
    source_uris         = ["gs://${var.archive_bucket}/*"]
  }

  depends_on = [time_sleep.connection_is_known]
}

locals {
  connection_member = "serviceAccount:${google_bigquery_connection.connection.cloud_resource[0].service_account_id}"
}
