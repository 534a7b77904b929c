variable "budget" {
  description = "What a month may cost, and the billing account that is to watch it; null without rights there."
  type        = object({ billing_account = string, currency = string, units = number })
}

variable "emails" {
  description = "Who is told."
  type        = set(string)
}

variable "host" {
  description = "Where classify-request answers, without https://; null where no check from outside can get in."
  type        = string
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "project_number" {
  description = "The project's number, which budgets know it by."
  type        = string
}

variable "runbook" {
  description = "Where docs/runbook.md can be read."
  type        = string
}

variable "thresholds" {
  description = "From where on somebody is told."
  type = object({
    busy_instances  = number
    error_rate      = number
    latency_p95_ms  = number
    no_rows_h       = number
    oldest_upload_s = number
    quarantine_rate = number
    sweep_silent_h  = number
  })
}

variable "wait_s" {
  description = "How long a new metric is given to be known everywhere."
  type        = number
}
