variable "agents" {
  description = "Google's own service accounts by service."
  type        = map(string)
  nullable    = false
}

variable "bucket" {
  description = "The upload bucket."
  type        = string
  nullable    = false
}

variable "identity" {
  description = "The service account that delivers events."
  type        = object({ email = string, member = string })
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

variable "region" {
  description = "Where the bucket is: no other trigger hears of it."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "service" {
  description = "The function that is called."
  type        = string
  nullable    = false
}

variable "wait_s" {
  description = "How long a grant is given to be known everywhere."
  type        = number
  nullable    = false
  validation {
    condition     = var.wait_s >= 0 && var.wait_s <= 600
    error_message = "wait_s is ${var.wait_s}, expected 0 to 600 seconds."
  }
}
