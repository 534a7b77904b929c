# What the pipeline's account may do: replace the image and the traffic of what is there. It makes nothing, destroys nothing,
# and cannot change who may call.

locals {
  services = toset(["classify-request", "classify-upload"])
  jobs     = setsubtract(keys(var.functions), local.services)
  # In production nothing is tested with uploads of ours.
  uploads = local.builds ? toset(["smoke"]) : toset([])
  # Where there are labelled pictures, a release may be judged by them.
  asks = local.builds || var.golden_set != null ? toset(["smoke"]) : toset([])
}

resource "google_cloud_run_v2_service_iam_member" "deploys" {
  for_each = local.services
  project  = var.project
  name     = each.key
  location = var.region
  role     = var.roles["deploy"]
  member   = var.identity.member
}

resource "google_cloud_run_v2_job_iam_member" "deploys" {
  for_each = local.jobs
  project  = var.project
  name     = each.key
  location = var.region
  role     = var.roles["deploy"]
  member   = var.identity.member
}

# An apply from before there was a second job finds this grant again.
moved {
  from = google_cloud_run_v2_job_iam_member.deploys
  to   = google_cloud_run_v2_job_iam_member.deploys["classify-backlog"]
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
  project    = var.project
  dataset_id = var.dataset
  role       = "roles/bigquery.dataViewer"
  member     = var.identity.member
}

# What it does to a model is recorded: only in this table, and only by adding to it.
resource "google_bigquery_table_iam_member" "records_events" {
  project    = var.project
  dataset_id = var.dataset
  table_id   = "model_events"
  role       = var.roles["append"]
  member     = var.identity.member
}

# The image that was built, or the copy of what was handed over.
resource "google_artifact_registry_repository_iam_member" "pushes" {
  project    = var.project
  repository = var.repository
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = var.identity.member
}

# ------------------------------------------------------------------------------------------------------ the smoke test

resource "google_storage_bucket_iam_member" "uploads" {
  for_each = local.uploads
  bucket   = var.upload_bucket
  role     = "roles/storage.objectCreator"
  member   = var.identity.member
}

resource "google_storage_bucket_iam_member" "reads_golden_set" {
  for_each = toset(local.golden_bucket == null ? [] : [local.golden_bucket])
  bucket   = each.key
  role     = "roles/storage.objectViewer"
  member   = var.identity.member
}

resource "google_cloud_run_v2_service_iam_member" "calls" {
  for_each = local.asks
  project  = var.project
  name     = "classify-request"
  location = var.region
  role     = "roles/run.invoker"
  member   = var.identity.member
}

# A token that says who it is; of nobody else.
resource "google_service_account_iam_member" "identifies_itself" {
  for_each           = local.asks
  service_account_id = var.identity.name
  role               = var.roles["identify"]
  member             = var.identity.member
}

# -------------------------------------------------------------------------------------------- between two environments

resource "google_artifact_registry_repository_iam_member" "is_taken_from" {
  for_each   = toset(var.hands_to == null ? [] : [var.hands_to])
  project    = var.project
  repository = var.repository
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:deploy@${each.key}.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "hands_over" {
  for_each = toset(var.takes_from == null ? [] : [var.takes_from])
  project  = var.project
  topic    = google_pubsub_topic.releases.name
  role     = "roles/pubsub.publisher"
  member   = "serviceAccount:deploy@${each.key}.iam.gserviceaccount.com"
}

# What was written about how an image was built belongs to the project: there is no smaller thing to grant this on.
resource "google_project_iam_member" "inspects" {
  for_each = merge(
    local.source == var.registry ? { here = var.identity.member } : {},
    var.hands_to == null ? {} : { (var.hands_to) = "serviceAccount:deploy@${var.hands_to}.iam.gserviceaccount.com" },
  )
  project = var.project
  role    = var.roles["inspect"]
  member  = each.value
}

# Cloud Build compares the secret of a webhook with the one that it is sent.
resource "google_secret_manager_secret_iam_member" "webhook" {
  for_each  = var.webhook == null ? {} : { secret = { of = var.webhook.secret, who = var.build_agent } }
  project   = var.project
  secret_id = regex("^projects/[^/]+/secrets/([^/]+)/", each.value.of)[0]
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.who
}

# The build reads a private repository.
resource "google_secret_manager_secret_iam_member" "token" {
  count     = try(var.webhook.token, null) == null ? 0 : 1
  project   = var.project
  secret_id = regex("^projects/[^/]+/secrets/([^/]+)/", var.webhook.token)[0]
  role      = "roles/secretmanager.secretAccessor"
  member    = var.identity.member
}

# Builds that wait belong to the project: there is no smaller thing to grant this on.
resource "google_project_iam_member" "approver" {
  for_each = var.approvers
  project  = var.project
  role     = "roles/cloudbuild.builds.approver"
  member   = each.key
}

resource "time_sleep" "grants_are_known" {
  create_duration = "${var.wait_s}s"
  triggers = merge(
    { for name, grant in google_cloud_run_v2_service_iam_member.deploys : "deploys ${name}" => grant.id },
    { for name, grant in google_service_account_iam_member.acts_as : "acts as ${name}" => grant.id },
  )
}
