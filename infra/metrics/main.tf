# Figures that are read off the log: shared/logs.py, shared/backlog and shared/monitoring write the lines, docs/runbook.md says
# what they mean.
# They are of the first apply: Monitoring may need ten minutes until it knows a metric, and refuses alerts on it till then.

locals {
  ours = join(" OR ", [
    "(resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"classify-request\" OR \"classify-upload\"))",
    "(resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"classify-backlog\")",
  ])

  verdicts = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"monitor\" AND jsonPayload.outcome=\"judged\""

  # A label's value is a field of the line.
  counters = {
    outcomes = {
      title  = "Outcomes"
      filter = "(${local.ours}) AND jsonPayload.outcome!=\"swept\" AND jsonPayload.outcome:*"
      labels = { outcome = "jsonPayload.outcome", source = "jsonPayload.source" }
    }
    failures = {
      title  = "Failures by reason"
      filter = "(${local.ours}) AND jsonPayload.outcome=\"rejected\""
      labels = { reason = "jsonPayload.reason" }
    }
    verdicts = {
      title  = "Verdicts"
      filter = local.verdicts
      labels = { model = "jsonPayload.model", verdict = "jsonPayload.verdict" }
    }
  }

  steps = toset(["archive", "classify", "decode", "read", "total"])
}

resource "google_logging_metric" "count" {
  for_each    = local.counters
  project     = var.project
  name        = "bucketlens/${each.key}"
  description = "${each.value.title}; see infra/metrics."
  filter      = each.value.filter

  label_extractors = { for name, field in each.value.labels : name => "EXTRACT(${field})" }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = each.value.title

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }
}

resource "google_logging_metric" "milliseconds" {
  for_each        = local.steps
  project         = var.project
  name            = "bucketlens/${each.key}_ms"
  description     = "Milliseconds of an image: ${each.key}."
  filter          = "(${local.ours}) AND jsonPayload.times.${each.key}_ms>=0"
  value_extractor = "EXTRACT(jsonPayload.times.${each.key}_ms)"

  # 1 ms to 65 s, each bound 1.4 times the one before: a percentile is right to within that.
  bucket_options {
    exponential_buckets {
      growth_factor      = 1.4
      num_finite_buckets = 33
      scale              = 1
    }
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "ms"
    display_name = "Milliseconds: ${each.key}"
  }
}

# One figure a sweep, and none while no sweep runs.
resource "google_logging_metric" "oldest_upload" {
  project         = var.project
  name            = "bucketlens/oldest_upload_s"
  description     = "Seconds that the oldest upload had waited for when a sweep found it; 0 where nothing waited."
  filter          = "(${local.ours}) AND jsonPayload.outcome=\"swept\" AND jsonPayload.oldest_upload_s>=0"
  value_extractor = "EXTRACT(jsonPayload.oldest_upload_s)"

  bucket_options {
    explicit_buckets {
      bounds = [0, 300, 900, 1800, 2700, 3600, 5400, 7200, 14400, 28800, 57600, 86400, 172800, 604800]
    }
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "s"
    display_name = "Age of the oldest upload"
  }
}

# Of each verdict, where there were pictures enough: a percentile is right to within a point.
resource "google_logging_metric" "unfamiliar_share" {
  project         = var.project
  name            = "bucketlens/unfamiliar_share"
  description     = "Share of the pictures of a window that are unlike those that the model was made with, 0 to 1."
  filter          = "${local.verdicts} AND jsonPayload.unfamiliar_share>=0"
  value_extractor = "EXTRACT(jsonPayload.unfamiliar_share)"

  bucket_options {
    linear_buckets {
      num_finite_buckets = 100
      offset             = 0
      width              = 0.01
    }
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "1"
    display_name = "Share of unfamiliar pictures"
  }
}

# To within a day, up to a third of a year.
resource "google_logging_metric" "days_since_label" {
  project         = var.project
  name            = "bucketlens/days_since_label"
  description     = "Days since somebody labelled a picture; since the first row, where nobody ever did."
  filter          = "${local.verdicts} AND jsonPayload.days_since_label>=0"
  value_extractor = "EXTRACT(jsonPayload.days_since_label)"

  bucket_options {
    linear_buckets {
      num_finite_buckets = 120
      offset             = 0
      width              = 1
    }
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "d"
    display_name = "Days since the last label"
  }
}
