# The dataset: tables as tables/*.json say, views as views/*.sql say.

locals {
  # Partition and cluster as shared/emulators/bigquery/start/schemas.py does, so that a laptop answers as BigQuery would.
  layout = {
    failures     = { partition = "uploaded_on", clusters = ["reason"] }
    labels       = { partition = "labelled_on", clusters = null }
    model_events = { partition = "happened_on", clusters = null }
    predictions  = { partition = "uploaded_on", clusters = ["label"] }
  }

  tables = {
    for file in fileset(path.module, "tables/*.json") :
    trimsuffix(basename(file), ".json") => file("${path.module}/${file}")
  }
  queries = {
    for file in fileset(path.module, "views/*.sql") :
    trimsuffix(basename(file), ".sql") => templatefile("${path.module}/${file}", { dataset = local.full_name })
  }
  full_name = "${var.project}.${var.dataset}"

  # BigQuery makes a view only if what it reads is there, so views that read views come second.
  reads = {
    for name, query in local.queries :
    name => toset([for found in regexall("`${local.full_name}\\.(\\w+)`", query) : found[0]])
  }
  views = {
    for name, query in local.queries :
    name => query if length(setintersection(local.reads[name], keys(local.queries))) == 0
  }
  further_views = { for name, query in local.queries : name => query if !contains(keys(local.views), name) }
}

resource "google_bigquery_dataset" "dataset" {
  project                    = var.project
  dataset_id                 = var.dataset
  location                   = var.region
  description                = "Predictions, failures and labels of Bucketlens. Query the views: the tables may hold a row twice."
  delete_contents_on_destroy = !var.deletion_protection
  deletion_policy            = var.deletion_protection ? "PREVENT" : "DELETE"

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

resource "google_bigquery_table" "table" {
  for_each            = local.tables
  project             = var.project
  dataset_id          = google_bigquery_dataset.dataset.dataset_id
  table_id            = each.key
  schema              = each.value
  clustering          = local.layout[each.key].clusters
  deletion_protection = var.deletion_protection

  time_partitioning {
    type  = "DAY"
    field = local.layout[each.key].partition
    # Events are of models, not of pictures, and a model may serve for longer than pictures are kept.
    expiration_ms = var.keep_days == null || each.key == "model_events" ? null : var.keep_days * 24 * 60 * 60 * 1000
  }

  dynamic "encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = encryption_configuration.value
    }
  }

  lifecycle {
    # A table cannot change its key in place: one that was made without it would be replaced, rows and all.
    ignore_changes = [encryption_configuration]
  }
}

resource "google_bigquery_table" "view" {
  for_each            = local.views
  project             = var.project
  dataset_id          = google_bigquery_dataset.dataset.dataset_id
  table_id            = each.key
  deletion_protection = var.deletion_protection

  view {
    query          = each.value
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.table]
}

resource "google_bigquery_table" "further_view" {
  for_each            = local.further_views
  project             = var.project
  dataset_id          = google_bigquery_dataset.dataset.dataset_id
  table_id            = each.key
  deletion_protection = var.deletion_protection

  view {
    query          = each.value
    use_legacy_sql = false
  }

  lifecycle {
    precondition {
      condition     = length(setintersection(local.reads[each.key], keys(local.further_views))) == 0
      error_message = "views/${each.key}.sql reads a view that reads a view, and Terraform makes two rows of them at most. Read the first one."
    }
  }

  depends_on = [google_bigquery_table.view]
}
