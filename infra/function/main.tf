# A function: a Cloud Run service, and who may call it. Terraform owns what it is given; the pipeline owns which image it
# runs and where traffic goes.

locals {
  has_iap = length(var.iap_members) > 0

  environment = merge(var.environment, {
    FUNCTION_TARGET = replace(var.name, "-", "_")
    MEMORY_MB       = tostring(var.size.memory_mb)
    THREADS         = tostring(var.size.concurrency)
  })
}

resource "google_cloud_run_v2_service" "function" {
  project          = var.project
  name             = var.name
  location         = var.region
  custom_audiences = var.audience == null ? null : [var.audience]
  # It holds no data. Protected, one whose first revision does not start could be neither mended nor replaced.
  deletion_protection  = false
  iap_enabled          = local.has_iap
  ingress              = var.ingress
  invoker_iam_disabled = var.is_public

  # Of the service, not of its revisions: a limit of a revision counts for each that has traffic, and its minimum stays warm
  # for each that has a tag. A change here counts at once, without a new revision.
  scaling {
    max_instance_count = var.size.max_instances
    min_instance_count = var.size.min_instances
  }

  dynamic "binary_authorization" {
    for_each = var.has_binary_authorization ? ["default"] : []
    content {
      use_default = true
    }
  }

  template {
    encryption_key                   = var.kms_key
    execution_environment            = var.model_bucket == null ? null : "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = var.size.concurrency
    service_account                  = var.identity
    timeout                          = "${var.size.timeout_s}s"

    containers {
      image = var.image

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      resources {
        # false, or left out, would be paid for day and night.
        cpu_idle          = true
        limits            = { cpu = tostring(var.size.cpu), memory = "${var.size.memory_mb}Mi" }
        startup_cpu_boost = true
      }

      # Ready means that the clients are built and one inference has run.
      startup_probe {
        failure_threshold = 60
        period_seconds    = 1
        timeout_seconds   = 1
        http_get {
          path = "/v2/health/ready"
        }
      }

      liveness_probe {
        failure_threshold = 3
        period_seconds    = 60
        timeout_seconds   = 20
        http_get {
          path = "/v2/health/live"
        }
      }

      dynamic "volume_mounts" {
        for_each = var.model_bucket == null ? [] : ["models"]
        content {
          name       = volume_mounts.value
          mount_path = "/models"
        }
      }
    }

    dynamic "volumes" {
      for_each = var.model_bucket == null ? [] : ["models"]
      content {
        name = volumes.value
        gcs {
          bucket    = var.model_bucket
          read_only = true
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.reads]

  lifecycle {
    # The pipeline's: otherwise the next apply would roll a deployment back.
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      template[0].labels,
      template[0].revision,
      traffic,
    ]
  }
}

# Cloud Run reads a secret when an instance starts, as the function; without this the service cannot be made.
resource "google_secret_manager_secret_iam_member" "reads" {
  for_each  = var.secrets
  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.identity}"
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers
  project  = var.project
  name     = google_cloud_run_v2_service.function.name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value
}

# IAP asks who it is, and then calls the function as itself.
resource "google_cloud_run_v2_service_iam_member" "iap" {
  count    = local.has_iap ? 1 : 0
  project  = var.project
  name     = google_cloud_run_v2_service.function.name
  location = var.region
  role     = "roles/run.invoker"
  member   = var.iap_agent
}

resource "google_iap_web_cloud_run_service_iam_member" "person" {
  for_each               = var.iap_members
  project                = var.project
  cloud_run_service_name = google_cloud_run_v2_service.function.name
  location               = var.region
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.key
}
