variable "archive_classes" {
  description = "Steps to colder storage classes, each after so many days."
  type        = list(object({ age = number, storage_class = string }))
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the buckets refuse to be destroyed."
  type        = bool
  nullable    = false
}

variable "has_monitor" {
  description = "Whether a job judges what is served: it reads pictures, and writes reports."
  type        = bool
  nullable    = false
}

variable "identities" {
  description = "Service accounts by name, as IAM names them."
  type        = map(string)
  nullable    = false
}

variable "keep_days" {
  description = "Days that deleted objects, old versions, quarantined files and reports are kept."
  type        = object({ deleted = number, old_versions = number, quarantine = number, reports = number })
  nullable    = false
}

variable "kept_buckets" {
  description = "Buckets elsewhere that the job may read."
  type        = set(string)
  nullable    = false
}

variable "kms_key" {
  description = "The key that encrypts objects; null for Google's."
  type        = string
  default     = null
}

variable "names" {
  description = "Names by role: archive, models, quarantine, upload, and reports where there is a monitor."
  type        = map(string)
  nullable    = false
  validation {
    condition     = length(distinct(values(var.names))) == length(setunion(keys(var.names), ["archive", "models", "quarantine", "upload"]))
    error_message = "names is ${jsonencode(var.names)}, expected different ones, for archive, models, quarantine and upload at least."
  }
}

variable "publishers" {
  description = "Who may publish models."
  type        = set(string)
  nullable    = false
}

variable "readable_buckets" {
  description = "Buckets elsewhere that classify-request may read."
  type        = set(string)
  nullable    = false
}

variable "reads_models" {
  description = "Whether the functions read their models from the models bucket."
  type        = bool
  nullable    = false
}

variable "region" {
  description = "Where the buckets are."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "report_readers" {
  description = "Who may read the reports, which show pictures."
  type        = set(string)
  nullable    = false
}

variable "roles" {
  description = "Custom roles by what they allow."
  type        = map(string)
  nullable    = false
}

variable "uploaders" {
  description = "Who may drop images."
  type        = set(string)
  nullable    = false
}
