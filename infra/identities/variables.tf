variable "has_monitor" {
  description = "Whether a job judges what is served."
  type        = bool
  nullable    = false
}

variable "has_pipeline" {
  description = "Whether something is deployed by itself."
  type        = bool
  nullable    = false
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
