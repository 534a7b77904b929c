variable "audience" {
  description = "What a caller's token may be made out to, besides the function's own URL."
  type        = string
  default     = null
}

variable "environment" {
  description = "Settings by name; docs/settings.md says what they decide."
  type        = map(string)
  nullable    = false
}

variable "has_binary_authorization" {
  description = "Whether only images are started that the project's policy of Binary Authorization lets through."
  type        = bool
  nullable    = false
}

variable "iap_agent" {
  description = "IAP's own service account."
  type        = string
  default     = null
}

variable "iap_members" {
  description = "Who may open it in a browser through Identity-Aware Proxy; none: no IAP."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "identity" {
  description = "The e-mail address of the service account that it runs as."
  type        = string
  nullable    = false
}

variable "image" {
  description = "What it is created from, by digest."
  type        = string
  nullable    = false
}

variable "ingress" {
  description = "Where calls may come from."
  type        = string
  nullable    = false
  validation {
    condition     = contains(["INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "INGRESS_TRAFFIC_INTERNAL_ONLY"], var.ingress)
    error_message = "ingress is \"${var.ingress}\", expected INGRESS_TRAFFIC_ALL, …_INTERNAL_LOAD_BALANCER or …_INTERNAL_ONLY."
  }
}

variable "invokers" {
  description = "Who may call it, as IAM names them; the keys are for the plan."
  type        = map(string)
  nullable    = false
}

variable "is_public" {
  description = "Whether nobody is asked for a token."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key" {
  description = "The key that encrypts instances; null for Google's."
  type        = string
  default     = null
}

variable "model_bucket" {
  description = "The bucket that is mounted at /models; null for none."
  type        = string
  default     = null
}

variable "name" {
  description = "The service's name; with underscores, the function's."
  type        = string
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
  description = "Where it runs."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "secrets" {
  description = "Settings whose value is the newest version of a secret, by name; the secret's name."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "size" {
  description = "CPUs, memory in MiB, requests at once in an instance, instances, and the longest request in seconds."
  type        = object({ concurrency = number, cpu = number, max_instances = number, memory_mb = number, min_instances = number, timeout_s = number })
  nullable    = false
  validation {
    condition     = var.size.max_instances >= 1 && var.size.min_instances <= var.size.max_instances
    error_message = "size has ${var.size.min_instances} to ${var.size.max_instances} instances, expected one at most at least, and no more to be kept than there may be."
  }
}
