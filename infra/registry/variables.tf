variable "builder" {
  description = "The service account that builds, as IAM names it."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the repository refuses to be destroyed."
  type        = bool
}

variable "kms_key" {
  description = "The key that encrypts images; null for Google's."
  type        = string
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the repository is."
  type        = string
}
