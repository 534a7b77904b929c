# Who may do what in which bucket. classify-request reads the archive for BigQuery's function; it does not see uploads.

locals {
  grants = merge(local.of_the_functions, var.has_monitor ? local.of_the_monitor : {})

  # A report is new each time, so the monitor adds to its bucket as a publisher does, and shows pictures of the archive.
  of_the_monitor = {
    monitor_adds_reports  = { bucket = "reports", role = var.roles["publish"], who = "monitor" }
    monitor_reads_archive = { bucket = "archive", role = "roles/storage.objectViewer", who = "monitor" }
  }

  of_the_functions = {
    classify_backlog_deposits_in_archive    = { bucket = "archive", role = var.roles["deposit"], who = "classify-backlog" }
    classify_backlog_deposits_in_quarantine = { bucket = "quarantine", role = var.roles["deposit"], who = "classify-backlog" }
    classify_backlog_takes_uploads          = { bucket = "upload", role = var.roles["take"], who = "classify-backlog" }
    classify_request_deposits_in_archive    = { bucket = "archive", role = var.roles["deposit"], who = "classify-request" }
    classify_request_reads_archive          = { bucket = "archive", role = "roles/storage.objectViewer", who = "classify-request" }
    classify_upload_deposits_in_archive     = { bucket = "archive", role = var.roles["deposit"], who = "classify-upload" }
    classify_upload_deposits_in_quarantine  = { bucket = "quarantine", role = var.roles["deposit"], who = "classify-upload" }
    classify_upload_takes_uploads           = { bucket = "upload", role = var.roles["take"], who = "classify-upload" }
  }

  model_readers = toset(var.reads_models ? concat(["classify-backlog", "classify-request", "classify-upload"], var.has_monitor ? ["monitor"] : []) : [])
}

resource "google_storage_bucket_iam_member" "grant" {
  for_each = local.grants
  bucket   = google_storage_bucket.bucket[each.value.bucket].name
  role     = each.value.role
  member   = var.identities[each.value.who]
}

# The sweep lists its own markers, and reads them; what it deposits it may look at as every depositor may. A listing is
# asked of the bucket, so the condition lets the bucket through.
resource "google_storage_bucket_iam_member" "classify_backlog_reads_attempts" {
  bucket = google_storage_bucket.bucket["quarantine"].name
  role   = "roles/storage.objectViewer"
  member = var.identities["classify-backlog"]
  condition {
    title      = "attempts only"
    expression = "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.bucket["quarantine"].name}/objects/attempts/\")"
  }
}

resource "google_storage_bucket_iam_member" "reads_models" {
  for_each = local.model_readers
  bucket   = google_storage_bucket.bucket["models"].name
  role     = "roles/storage.objectViewer"
  member   = var.identities[each.key]
}

# A version that is published never changes: nobody who may publish may replace or delete.
resource "google_storage_bucket_iam_member" "publisher" {
  for_each = var.publishers
  bucket   = google_storage_bucket.bucket["models"].name
  role     = var.roles["publish"]
  member   = each.key
}

resource "google_storage_bucket_iam_member" "classify_request_reads" {
  for_each = var.readable_buckets
  bucket   = each.key
  role     = "roles/storage.objectViewer"
  member   = var.identities["classify-request"]
}

resource "google_storage_bucket_iam_member" "classify_backlog_reads" {
  for_each = var.kept_buckets
  bucket   = each.key
  role     = "roles/storage.objectViewer"
  member   = var.identities["classify-backlog"]
}

resource "google_storage_bucket_iam_member" "report_reader" {
  for_each = var.report_readers
  bucket   = google_storage_bucket.bucket["reports"].name
  role     = "roles/storage.objectViewer"
  member   = each.key
}

resource "google_storage_bucket_iam_member" "uploader" {
  for_each = var.uploaders
  bucket   = google_storage_bucket.bucket["upload"].name
  role     = "roles/storage.objectCreator"
  member   = each.key
}
