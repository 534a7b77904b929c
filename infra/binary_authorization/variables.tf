variable "attestors" {
  description = "Who must have signed, each as projects/…/attestors/…"
  type        = set(string)
  nullable    = false
  validation {
    condition     = length(var.attestors) > 0
    error_message = "attestors is empty: then nothing could start."
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
