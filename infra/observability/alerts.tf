# Who is told of what. A policy's key is its entry in docs/runbook.md, to which its message links.

locals {
  log      = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/bucketlens"
  run      = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com"
  ours_run = "resource.labels.service_name=one_of(\"classify-request\", \"classify-upload\")"
  rows     = "${local.log}/outcomes\" AND metric.labels.outcome=one_of(\"predicted\", \"rejected\")"
  sweeps   = "resource.type=\"cloud_run_job\" AND metric.type=\"logging.googleapis.com/user/bucketlens/oldest_upload_s\""
  verdicts = "resource.type=\"cloud_run_job\" AND metric.type=\"logging.googleapis.com/user/bucketlens"
  minute_s = 60
  hour_s   = 3600

  # Missing figures end an incident; without these they would keep it open for a week.
  closes_s = 30 * local.minute_s
  events   = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${reverse(split("/", var.subscription))[0]}\""

  # above: too high for so long. absent_s: a figure that should be there, and is not for so long. of: the share of what.
  usual = { above = null, absent_s = null, align_s = local.hour_s, for_s = local.minute_s, group_by = null, of = null, severity = "ERROR" }

  # CRITICAL wakes somebody (var.urgent_channels): nothing is answered, or work is not done. The others wait for the day.
  alerts = {
    "busy-rate" = merge(local.usual, {
      title    = "Too many calls are turned away"
      filter   = "${local.run}/request_count\" AND metric.labels.response_code=\"429\" AND ${local.ours_run}"
      of       = "${local.run}/request_count\" AND ${local.ours_run}"
      above    = var.thresholds.busy_rate
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_SUM"
      for_s    = 5 * local.minute_s
      severity = "WARNING"
    })
    "error-rate" = merge(local.usual, {
      title   = "Too many calls fail"
      filter  = "${local.run}/request_count\" AND metric.labels.response_code_class=\"5xx\" AND ${local.ours_run}"
      of      = "${local.run}/request_count\" AND ${local.ours_run}"
      above   = var.thresholds.error_rate
      aligner = "ALIGN_DELTA"
      reducer = "REDUCE_SUM"
      for_s   = 5 * local.minute_s
    })
    "events-wait" = merge(local.usual, {
      title   = "Events wait, and classify-upload does not take them"
      filter  = "${local.events} AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      above   = var.thresholds.oldest_event_s
      aligner = "ALIGN_MAX"
      reducer = "REDUCE_MAX"
      align_s = 5 * local.minute_s
      for_s   = 5 * local.minute_s
    })
    "latency" = merge(local.usual, {
      title    = "Callers wait too long"
      filter   = "${local.run}/request_latencies\" AND resource.labels.service_name=\"classify-request\""
      above    = var.thresholds.latency_p95_ms
      aligner  = "ALIGN_PERCENTILE_95"
      reducer  = "REDUCE_MAX"
      align_s  = 5 * local.minute_s
      for_s    = 15 * local.minute_s
      severity = "WARNING"
    })
    "model-harmed" = merge(local.usual, {
      title   = "A model is harmed"
      filter  = "${local.verdicts}/verdicts\" AND metric.labels.verdict=\"harmed\""
      above   = var.has_monitor ? 0 : null
      aligner = "ALIGN_DELTA"
      reducer = "REDUCE_SUM"
    })
    "monitor-failed" = merge(local.usual, {
      title    = "The monitor failed"
      filter   = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"monitor\" AND metric.type=\"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result=\"failed\""
      above    = var.has_monitor ? 0 : null
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_SUM"
      severity = "WARNING"
    })
    # It also covers what leaves no failed execution behind: a schedule that is paused, or may not start the job.
    "monitor-silent" = merge(local.usual, {
      title    = "No model is judged"
      filter   = "${local.verdicts}/verdicts\""
      absent_s = var.has_monitor && var.thresholds.monitor_silent_h > 0 ? var.thresholds.monitor_silent_h * local.hour_s : null
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_SUM"
      align_s  = 5 * local.minute_s
      severity = "WARNING"
    })
    "no-labels" = merge(local.usual, {
      title    = "Nothing is labelled"
      filter   = "${local.verdicts}/days_since_label\""
      above    = var.has_monitor && var.thresholds.no_labels_days > 0 ? var.thresholds.no_labels_days : null
      aligner  = "ALIGN_PERCENTILE_99"
      reducer  = "REDUCE_MAX"
      severity = "WARNING"
    })
    "no-rows" = merge(local.usual, {
      title    = "No rows are written"
      filter   = local.rows
      absent_s = var.thresholds.no_rows_h == 0 ? null : var.thresholds.no_rows_h * local.hour_s
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_SUM"
      align_s  = 5 * local.minute_s
    })
    "not-answering" = merge(local.usual, {
      title    = "classify-request does not answer"
      filter   = "resource.type=\"uptime_url\" AND metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id=\"${try(google_monitoring_uptime_check_config.answers[0].uptime_check_id, "")}\""
      above    = var.host == null ? null : 1 # one place that fails may be that place's own trouble
      aligner  = "ALIGN_NEXT_OLDER"
      reducer  = "REDUCE_COUNT_FALSE"
      group_by = ["resource.label.host"]
      align_s  = 10 * local.minute_s
      for_s    = 5 * local.minute_s
      severity = "CRITICAL"
    })
    "oldest-upload" = merge(local.usual, {
      title    = "Uploads wait, and no sweep finishes them"
      filter   = local.sweeps
      above    = var.thresholds.oldest_upload_s
      aligner  = "ALIGN_PERCENTILE_99"
      reducer  = "REDUCE_MAX"
      align_s  = 30 * local.minute_s
      severity = "CRITICAL"
    })
    "quarantine-rate" = merge(local.usual, {
      title    = "Too many uploads are quarantined"
      filter   = "${local.log}/outcomes\" AND metric.labels.outcome=\"rejected\""
      of       = local.rows
      above    = var.thresholds.quarantine_rate
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_SUM"
      for_s    = 5 * local.minute_s
      severity = "WARNING"
    })
    "spend" = merge(local.usual, {
      title    = "More instances are paid for than expected"
      filter   = "${local.run}/container/billable_instance_time\" AND ${local.ours_run}"
      above    = var.thresholds.busy_instances
      aligner  = "ALIGN_RATE"
      reducer  = "REDUCE_SUM"
      severity = "WARNING"
    })
    "sweep-silent" = merge(local.usual, {
      title    = "No sweep runs"
      filter   = local.sweeps
      absent_s = var.thresholds.sweep_silent_h * local.hour_s
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_PERCENTILE_99"
      align_s  = 5 * local.minute_s
      severity = "CRITICAL"
    })
    # The verdict's own figure, of the same pictures: without probes and shadows, and only where there are enough of them.
    "unfamiliar-share" = merge(local.usual, {
      title    = "Too many pictures are unlike those that the model was made with"
      filter   = "${local.verdicts}/unfamiliar_share\""
      above    = var.has_monitor ? var.thresholds.unfamiliar_share : null
      aligner  = "ALIGN_PERCENTILE_99"
      reducer  = "REDUCE_MAX"
      severity = "WARNING"
    })
  }
}

resource "google_monitoring_alert_policy" "alert" {
  project               = var.project
  for_each              = { for name, alert in local.alerts : name => alert if alert.above != null || alert.absent_s != null }
  display_name          = each.value.title
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = concat(local.channels, each.value.severity == "CRITICAL" ? tolist(var.urgent_channels) : [])
  user_labels           = { runbook = each.key }

  conditions {
    display_name = each.value.title

    dynamic "condition_threshold" {
      for_each = each.value.above == null ? [] : [each.value]
      content {
        filter                  = condition_threshold.value.filter
        denominator_filter      = condition_threshold.value.of
        comparison              = "COMPARISON_GT"
        threshold_value         = condition_threshold.value.above
        duration                = "${condition_threshold.value.for_s}s"
        evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
        aggregations {
          alignment_period     = "${condition_threshold.value.align_s}s"
          per_series_aligner   = condition_threshold.value.aligner
          cross_series_reducer = condition_threshold.value.reducer
          group_by_fields      = condition_threshold.value.group_by
        }
        dynamic "denominator_aggregations" {
          for_each = condition_threshold.value.of == null ? [] : [condition_threshold.value]
          content {
            alignment_period     = "${denominator_aggregations.value.align_s}s"
            per_series_aligner   = denominator_aggregations.value.aligner
            cross_series_reducer = denominator_aggregations.value.reducer
          }
        }
      }
    }

    dynamic "condition_absent" {
      for_each = each.value.absent_s == null ? [] : [each.value]
      content {
        filter   = condition_absent.value.filter
        duration = "${condition_absent.value.absent_s}s"
        aggregations {
          alignment_period     = "${condition_absent.value.align_s}s"
          per_series_aligner   = condition_absent.value.aligner
          cross_series_reducer = condition_absent.value.reducer
        }
      }
    }
  }

  # Where a figure's absence is what somebody is told of, it must not end what it began.
  dynamic "alert_strategy" {
    for_each = each.value.above == null ? [] : [local.closes_s]
    content {
      auto_close = "${alert_strategy.value}s"
    }
  }

  documentation {
    content   = "What it means, what to type, and how to tell that it is over: ${var.runbook}#${each.key}"
    mime_type = "text/markdown"
    subject   = "${each.value.title} (${var.project})"
    dynamic "links" {
      for_each = startswith(var.runbook, "https://") ? [each.key] : []
      content {
        display_name = "Runbook"
        url          = "${var.runbook}#${links.value}"
      }
    }
  }
}
