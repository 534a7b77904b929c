variable "options" {
  description = "Options that are on and need an API more: budget, domain, iap_members, kms_key, label_keys_secret."
  type        = list(string)
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "wait_s" {
  description = "How long a new API is given to be known everywhere."
  type        = number
}
