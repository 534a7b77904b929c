variable "deletion_protection" {
  description = "Whether the buckets refuse to be destroyed."
  type        = bool
}

variable "identities" {
  description = "Service accounts by name, as IAM names them."
  type        = map(string)
}

variable "keep_days" {
  description = "Days that deleted objects, old versions and quarantined files are kept."
  type        = object({ deleted = number, old_versions = number, quarantine = number })
}

variable "kept_buckets" {
  description = "Buckets elsewhere that the job may read."
  type        = set(string)
}

variable "kms_key" {
  description = "The key that encrypts objects; null for Google's."
  type        = string
}

variable "names" {
  description = "Names by role: archive, models, quarantine, upload."
  type        = map(string)
}

variable "publishers" {
  description = "Who may publish models."
  type        = set(string)
}

variable "readable_buckets" {
  description = "Buckets elsewhere that classify-request may read."
  type        = set(string)
}

variable "reads_models" {
  description = "Whether the functions read their models from the models bucket."
  type        = bool
}

variable "region" {
  description = "Where the buckets are."
  type        = string
}

variable "roles" {
  description = "Custom roles by what they allow."
  type        = map(string)
}

variable "uploaders" {
  description = "Who may drop images."
  type        = set(string)
}
