# The watch: a page that shows the figures (infra/metrics), a check from outside, and who is told of what (alerts.tf).

locals {
  channels = concat([for channel in google_monitoring_notification_channel.email : channel.id], tolist(var.channels))
}

resource "google_monitoring_dashboard" "dashboard" {
  project        = var.project
  dashboard_json = file("${path.module}/dashboard.json")
}

resource "google_monitoring_notification_channel" "email" {
  for_each     = var.emails
  project      = var.project
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
}

# Asks from several continents whether an image could be classified now, with a token of Monitoring's own account: so it
# needs no public function, and sees what a caller with a token sees.
resource "google_monitoring_uptime_check_config" "answers" {
  count        = var.host == null ? 0 : 1
  project      = var.project
  display_name = "classify-request"
  period       = "300s"
  timeout      = "30s"
  # It takes three places at least to tell a failure here from one there.
  selected_regions = ["EUROPE", "USA_OREGON", "ASIA_PACIFIC"]

  http_check {
    path         = "/v2/health/ready"
    port         = 443
    use_ssl      = true
    validate_ssl = true
    service_agent_authentication {
      type = "OIDC_TOKEN"
    }
    accepted_response_status_codes {
      status_class = "STATUS_CLASS_2XX"
    }
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { host = var.host, project_id = var.project }
  }
}

# A budget belongs to the billing account: whoever applies must have been given rights there.
resource "google_billing_budget" "month" {
  count           = var.budget == null ? 0 : 1
  billing_account = var.budget.billing_account
  display_name    = "bucketlens in ${var.project}"

  budget_filter {
    projects = ["projects/${var.project_number}"]
  }
  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(var.budget.units)
    }
  }
  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]
    content {
      threshold_percent = threshold_rules.value
    }
  }
  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }
  all_updates_rule {
    monitoring_notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
    disable_default_iam_recipients   = false
  }
}
