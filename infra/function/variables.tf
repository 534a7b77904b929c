variable "audience" {
  description = "What a caller's token may be made out to, besides the function's own URL."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the service refuses to be destroyed."
  type        = bool
}

variable "environment" {
  description = "Settings by name; README.md says what they decide."
  type        = map(string)
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
}

variable "identity" {
  description = "The e-mail address of the service account that it runs as."
  type        = string
}

variable "image" {
  description = "What it is created from, by digest."
  type        = string
}

variable "ingress" {
  description = "Where calls may come from."
  type        = string
}

variable "invokers" {
  description = "Who may call it, as IAM names them; the keys are for the plan."
  type        = map(string)
}

variable "kms_key" {
  description = "The key that encrypts instances; null for Google's."
  type        = string
}

variable "model_bucket" {
  description = "The bucket that is mounted at /models; null for none."
  type        = string
}

variable "name" {
  description = "The service's name; with underscores, the function's."
  type        = string
}

variable "region" {
  description = "Where it runs."
  type        = string
}

variable "secrets" {
  description = "Settings whose value is the newest version of a secret, by name; the secret's name."
  type        = map(string)
  default     = {}
}

variable "size" {
  description = "CPUs, memory in MiB, requests at once in an instance, instances, and the longest request in seconds."
  type        = object({ concurrency = number, cpu = number, max_instances = number, memory_mb = number, min_instances = number, timeout_s = number })
}
