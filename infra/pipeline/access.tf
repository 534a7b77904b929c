# What the pipeline's account may do: replace the image and the traffic of what is there. It makes nothing, destroys nothing,
# and cannot change who may call.

locals {
  services = toset(["classify-request", "classify-upload"])
  # In production nothing is tested with uploads of ours.
  tests = local.builds ? toset(["smoke"]) : toset([])
}

resource "google_cloud_run_v2_service_iam_member" "deploys" {
  for_each = local.services
  name     = each.key
  location = var.region
  role     = var.roles["deploy"]
  member   = var.identity.member
}

resource "google_cloud_run_v2_job_iam_member" "deploys" {
  name     = "classify-backlog"
  location = var.region
  role     = var.roles["deploy"]
  member   = var.identity.member
}

# Cloud Run lets somebody deploy only who may act as the account that the revision runs as.
resource "google_service_account_iam_member" "acts_as" {
  for_each           = var.functions
  service_account_id = each.value
  role               = var.roles["act_as"]
  member             = var.identity.member
}

# A deployment is an operation of the project's location: there is no smaller thing to grant this on.
resource "google_project_iam_member" "follows" {
  project = var.project
  role    = var.roles["follow"]
  member  = var.identity.member
}

# Logs belong to the project, and so do queries: a release is judged by its rows.
resource "google_project_iam_member" "of_the_project" {
  for_each = toset(["roles/bigquery.jobUser", "roles/logging.logWriter"])
  project  = var.project
  role     = each.key
  member   = var.identity.member
}

resource "google_bigquery_dataset_iam_member" "reads_rows" {
  dataset_id = var.dataset
  role       = "roles/bigquery.dataViewer"
  member     = var.identity.member
}

# The image that was built, or the copy of what was handed over.
resource "google_artifact_registry_repository_iam_member" "pushes" {
  repository = var.repository
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = var.identity.member
}

# ------------------------------------------------------------------------------------------------------ the smoke test

resource "google_storage_bucket_iam_member" "uploads" {
  for_each = local.tests
  bucket   = var.upload_bucket
  role     = "roles/storage.objectCreator"
  member   = var.identity.member
}

resource "google_storage_bucket_iam_member" "reads_golden_set" {
  for_each = toset(local.builds && local.golden_bucket != null ? [local.golden_bucket] : [])
  bucket   = each.key
  role     = "roles/storage.objectViewer"
  member   = var.identity.member
}

resource "google_cloud_run_v2_service_iam_member" "calls" {
  for_each = local.tests
  name     = "classify-request"
  location = var.region
  role     = "roles/run.invoker"
  member   = var.identity.member
}

# A token that says who it is; of nobody else.
resource "google_service_account_iam_member" "identifies_itself" {
  for_each           = local.tests
  service_account_id = var.identity.name
  role               = var.roles["identify"]
  member             = var.identity.member
}

# -------------------------------------------------------------------------------------------- between two environments

resource "google_artifact_registry_repository_iam_member" "is_taken_from" {
  for_each   = toset(var.hands_to == null ? [] : [var.hands_to])
  repository = var.repository
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:deploy@${each.key}.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "hands_over" {
  for_each = toset(var.takes_from == null ? [] : [var.takes_from])
  topic    = google_pubsub_topic.releases.name
  role     = "roles/pubsub.publisher"
  member   = "serviceAccount:deploy@${each.key}.iam.gserviceaccount.com"
}

# Builds that wait belong to the project: there is no smaller thing to grant this on.
resource "google_project_iam_member" "approver" {
  for_each = var.approvers
  project  = var.project
  role     = "roles/cloudbuild.builds.approver"
  member   = each.key
}

resource "terraform_data" "grants_are_known" {
  triggers_replace = [
    [for grant in google_cloud_run_v2_service_iam_member.deploys : grant.id],
    [for grant in google_service_account_iam_member.acts_as : grant.id],
  ]
  provisioner "local-exec" {
    command = "sleep ${var.wait_s}"
  }
}
