variable "build_region" {
  description = "Where builds run."
  type        = string
  nullable    = false
}

variable "builder" {
  description = "The service account that builds, as IAM names it."
  type        = string
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the repository refuses to be destroyed."
  type        = bool
  nullable    = false
}

variable "kms_key" {
  description = "The key that encrypts images; null for Google's."
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

variable "region" {
  description = "Where the repository is."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "repository" {
  description = "The repository's name."
  type        = string
  nullable    = false
}
