variable "image" {
  description = "The image, by digest; null for the newest that was built."
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

variable "target" {
  description = "The image's name, which is a target of functions/Dockerfile."
  type        = string
  nullable    = false
}
