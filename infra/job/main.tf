# A job, and a schedule that starts it: the sweep, which takes what no event finished, and the monitor, which judges models.

locals {
  environment = merge(var.environment, { MEMORY_MB = tostring(var.size.memory_mb) })
}

resource "google_cloud_run_v2_job" "job" {
  project  = var.project
  name     = var.name
  location = var.region
  # It holds no data. Protected, one that does not start could be neither mended nor replaced.
  deletion_protection = false

  dynamic "binary_authorization" {
    for_each = var.has_binary_authorization ? ["default"] : []
    content {
      use_default = true
    }
  }

  template {
    parallelism = var.size.tasks
    task_count  = var.size.tasks

    template {
      encryption_key        = var.kms_key
      execution_environment = var.model_bucket == null ? null : "EXECUTION_ENVIRONMENT_GEN2"
      # The schedule comes again, and an upload that kills a task is known by its markers, not by retries.
      max_retries     = 0
      service_account = var.identity
      timeout         = "${var.size.timeout_s}s"

      containers {
        image   = var.image
        command = ["python", "functions/${replace(var.name, "-", "_")}/main.py"]

        dynamic "env" {
          for_each = local.environment
          content {
            name  = env.key
            value = env.value
          }
        }

        resources {
          limits = { cpu = tostring(var.size.cpu), memory = "${var.size.memory_mb}Mi" }
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
  }

  lifecycle {
    # The pipeline's: otherwise the next apply would roll a deployment back.
    ignore_changes = [
      client,
      client_version,
      template[0].labels,
      template[0].template[0].containers[0].image,
    ]
  }
}

# An apply from before there was a second job finds the first one again.
moved {
  from = google_cloud_run_v2_job.backlog
  to   = google_cloud_run_v2_job.job
}

resource "google_cloud_run_v2_job_iam_member" "scheduler_starts_it" {
  project  = var.project
  name     = google_cloud_run_v2_job.job.name
  location = var.region
  role     = "roles/run.invoker"
  member   = var.scheduler.member
}

resource "google_cloud_scheduler_job" "schedule" {
  project          = var.project
  name             = var.name
  region           = var.region
  description      = "Starts the job ${var.name}."
  schedule         = var.size.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.job.id}:run"
    oauth_token {
      service_account_email = var.scheduler.email
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler_starts_it]
}
