variable "calls_per_minute" {
  description = "Calls a minute that an address may make; null for as many as it likes."
  type        = number
  default     = null
}

variable "dns_zone" {
  description = "The Cloud DNS zone that gets the record; null where DNS is kept elsewhere."
  type        = string
  default     = null
}

variable "domain" {
  description = "The host name."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is \"${var.domain}\", expected a host name such as images.example.com."
  }
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
  description = "Where the function runs."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "service" {
  description = "The function's service."
  type        = string
  nullable    = false
}
