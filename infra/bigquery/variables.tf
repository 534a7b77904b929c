variable "archive_bucket" {
  description = "The bucket that the object table shows."
  type        = string
  nullable    = false
}

variable "dataset" {
  description = "The dataset's name."
  type        = string
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether dataset, tables and views refuse to be destroyed."
  type        = bool
  nullable    = false
}

variable "has_monitor" {
  description = "Whether a job judges what is served: it reads rows, and appends verdicts."
  type        = bool
  nullable    = false
}

variable "identities" {
  description = "Service accounts by name, as IAM names them."
  type        = map(string)
  nullable    = false
}

variable "keep_days" {
  description = "Days after which a partition goes; null for never."
  type        = number
  default     = null
}

variable "kms_key" {
  description = "The key that encrypts rows; null for Google's."
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

variable "publishers" {
  description = "Who may publish models, and so records what they published."
  type        = set(string)
  nullable    = false
}

variable "readers" {
  description = "Who may query the dataset."
  type        = set(string)
  nullable    = false
}

variable "reads_rows" {
  description = "Whether the job asks which uploads have their row."
  type        = bool
  nullable    = false
}

variable "region" {
  description = "Where the dataset is: beside the archive."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "roles" {
  description = "Custom roles by what they allow."
  type        = map(string)
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
