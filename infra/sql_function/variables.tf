variable "connection" {
  description = "The BigQuery connection that calls."
  type        = string
  nullable    = false
}

variable "dataset" {
  description = "The dataset that holds the function."
  type        = string
  nullable    = false
}

variable "endpoint" {
  description = "What is called."
  type        = string
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

variable "rows" {
  description = "How many rows one call brings at most."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.rows))
    error_message = "rows is \"${var.rows}\", expected a number."
  }
}
