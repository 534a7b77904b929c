variable "archive_bucket" {
  description = "The bucket that the object table shows."
  type        = string
}

variable "dataset" {
  description = "The dataset's name."
  type        = string
}

variable "deletion_protection" {
  description = "Whether dataset, tables and views refuse to be destroyed."
  type        = bool
}

variable "identities" {
  description = "Service accounts by name, as IAM names them."
  type        = map(string)
}

variable "keep_days" {
  description = "Days after which a partition goes; null for never."
  type        = number
}

variable "kms_key" {
  description = "The key that encrypts rows; null for Google's."
  type        = string
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "readers" {
  description = "Who may query the dataset."
  type        = set(string)
}

variable "reads_rows" {
  description = "Whether the job asks which uploads have their row."
  type        = bool
}

variable "region" {
  description = "Where the dataset is: beside the archive."
  type        = string
}

variable "roles" {
  description = "Custom roles by what they allow."
  type        = map(string)
}

variable "wait_s" {
  description = "How long a grant is given to be known everywhere."
  type        = number
}
