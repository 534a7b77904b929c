variable "options" {
  description = "Options that are on and need an API more: budget, domain, iap_members, kms_key, label_keys_secret."
  type        = list(string)
  nullable    = false
  validation {
    condition     = length(distinct(var.options)) == length(var.options)
    error_message = "options is ${jsonencode(var.options)}, expected each once."
  }
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

variable "wait_s" {
  description = "How long a new API is given to be known everywhere."
  type        = number
  nullable    = false
  validation {
    condition     = var.wait_s >= 0 && var.wait_s <= 600
    error_message = "wait_s is ${var.wait_s}, expected 0 to 600 seconds."
  }
}
