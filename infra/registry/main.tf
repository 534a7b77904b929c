# Where the image rests, and who builds it. Cloud Build runs as an account that can push here, and can do little else.

locals {
  url = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

resource "google_artifact_registry_repository" "images" {
  project         = var.project
  repository_id   = var.repository
  location        = var.region
  description     = "Images of the functions."
  format          = "DOCKER"
  kms_key_name    = var.kms_key
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"

  # What is deployed is named by its digest, which nobody can move. Where tags are immutable, no tagged image can be
  # deleted, and the policies below would delete nothing.
  docker_config {
    immutable_tags = false
  }

  # Ten are enough to roll back to; a digest that serves is among the newest.
  cleanup_policies {
    id     = "keep-the-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }
  cleanup_policies {
    id     = "delete-the-old"
    action = "DELETE"
    condition {
      older_than = "${90 * 24 * 60 * 60}s"
    }
  }

  lifecycle {
    # A repository cannot change its key in place: one that was made without it would be replaced, images and all.
    ignore_changes = [kms_key_name]
  }
}

resource "google_artifact_registry_repository_iam_member" "builder_pushes" {
  project    = var.project
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = var.builder
}

# What `gcloud builds submit` uploads, which would lie in a bucket of its own making else.
resource "google_storage_bucket" "sources" {
  name                        = "${var.project}-build-sources"
  location                    = var.region
  force_destroy               = true
  labels                      = { role = "build-sources" }
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 7
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_storage_bucket_iam_member" "builder_reads_sources" {
  bucket = google_storage_bucket.sources.name
  role   = "roles/storage.objectViewer"
  member = var.builder
}

# Logs belong to the project: there is no smaller thing to grant this on.
resource "google_project_iam_member" "builder_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = var.builder
}
