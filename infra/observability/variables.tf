variable "budget" {
  description = "What a month may cost, and the billing account that is to watch it; null without rights there."
  type        = object({ billing_account = string, currency = string, units = number })
  default     = null
}

variable "channels" {
  description = "Notification channels that exist already and are told of everything: projects/…/notificationChannels/…"
  type        = set(string)
  nullable    = false
}

variable "emails" {
  description = "Who is told."
  type        = set(string)
  nullable    = false
}

variable "has_monitor" {
  description = "Whether a job judges what is served."
  type        = bool
  nullable    = false
}

variable "host" {
  description = "Where classify-request answers, without https://; null where no check from outside can get in."
  type        = string
  default     = null
}

variable "project" {
  description = "The project's id."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is \"${var.project}\", expected a project id."
  }
}

variable "project_number" {
  description = "The project's number, which budgets know it by."
  type        = string
  nullable    = false
}

variable "runbook" {
  description = "Where docs/runbook.md can be read."
  type        = string
  nullable    = false
}

variable "subscription" {
  description = "The Pub/Sub subscription that Eventarc made."
  type        = string
  nullable    = false
}

variable "thresholds" {
  description = "From where on somebody is told."
  type = object({
    busy_instances   = number
    busy_rate        = number
    error_rate       = number
    latency_p95_ms   = number
    monitor_silent_h = number
    no_labels_days   = number
    no_rows_h        = number
    oldest_event_s   = number
    oldest_upload_s  = number
    quarantine_rate  = number
    sweep_silent_h   = number
    unfamiliar_share = number
  })
  nullable = false
  validation {
    condition     = var.thresholds.error_rate > 0 && var.thresholds.error_rate < 1
    error_message = "thresholds.error_rate is ${var.thresholds.error_rate}, expected a share between 0 and 1."
  }
}

variable "urgent_channels" {
  description = "Notification channels that exist already and are told of what somebody should get up for."
  type        = set(string)
  nullable    = false
}
