# Who builds and deploys when. `build` runs cloudbuild.yaml for each push, in environments that build; `promote` runs
# promote.yaml for each digest that is handed over, in all of them, and waits for approval.
#
#     push ──build──► image ──► deployed here, smoke test ──digest──► topic of production ──promote──► approval, canary

locals {
  # A folder in a bucket: gs://BUCKET/FOLDER.
  golden_bucket = var.golden_set == null ? null : regex("^gs://([^/]+)", var.golden_set)[0]
  builds        = var.branch != null
  main          = "refs/heads/main"

  # What an image may come from: where it is built, which is here unless another environment hands over.
  source = var.takes_from == null ? var.image : replace(var.image, "/${var.project}/", "/${var.takes_from}/")
}

resource "google_cloudbuildv2_repository" "source" {
  name              = "bucketlens"
  location          = var.region
  parent_connection = var.connection
  remote_uri        = var.remote_uri
}

resource "google_cloudbuild_trigger" "build" {
  count           = local.builds ? 1 : 0
  name            = "build"
  description     = "A push to ${var.branch}: test, build, push, deploy, smoke test, hand over."
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = var.identity.name

  repository_event_config {
    repository = google_cloudbuildv2_repository.source.id
    push {
      branch = var.branch
    }
  }

  substitutions = {
    _DATASET       = var.dataset
    _GOLDEN_SET    = var.golden_set == null ? "" : var.golden_set
    _IMAGE         = var.image
    _REGION        = var.region
    _TOPIC         = var.hands_to == null ? "" : "projects/${var.hands_to}/topics/releases"
    _UPLOAD_BUCKET = var.upload_bucket
    _URL           = var.url == null ? "" : var.url
  }

  # A trigger works only if its account may do all that its build does.
  depends_on = [terraform_data.grants_are_known]
}

# Whoever may publish here proposes a digest, and can do nothing else.
resource "google_pubsub_topic" "releases" {
  name = "releases"
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_cloudbuild_trigger" "promote" {
  name            = "promote"
  description     = "A digest was handed over: once approved, canary, check, promote or roll back."
  location        = var.region
  service_account = var.identity.name

  # What is no digest of the one place does not even wait for approval.
  filter = "_HANDED.matches(\"^${replace(local.source, ".", "[.]")}@sha256:[0-9a-f]{64}$\")"

  approval_config {
    approval_required = true
  }

  pubsub_config {
    topic = google_pubsub_topic.releases.id
  }

  # The scripts; the image is the one that was handed over.
  source_to_build {
    repository = google_cloudbuildv2_repository.source.id
    ref        = local.main
    repo_type  = "GITHUB"
  }
  git_file_source {
    repository = google_cloudbuildv2_repository.source.id
    path       = "infra/pipeline/promote.yaml"
    revision   = local.main
    repo_type  = "GITHUB"
  }

  substitutions = {
    _CANARY_IMAGES  = tostring(var.canary.images)
    _CANARY_MINUTES = tostring(var.canary.minutes)
    _CANARY_PERCENT = tostring(var.canary.percent)
    _COMMIT         = "$(body.message.data.commit)"
    _DATASET        = var.dataset
    _HANDED         = "$(body.message.data.image)"
    _IMAGE          = var.image
    _REGION         = var.region
    _SOURCE         = local.source
  }

  depends_on = [terraform_data.grants_are_known]
}
