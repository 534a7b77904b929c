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
  description = "The job's name, and the schedule's. Its program is in the folder of functions that has this name, with underscores."
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

variable "scheduler" {
  description = "The service account that starts it."
  type        = object({ email = string, member = string })
  nullable    = false
}

variable "size" {
  description = "CPUs and memory in MiB of a task, number of tasks, schedule (cron, UTC), and the longest run in seconds."
  type        = object({ cpu = number, memory_mb = number, schedule = string, tasks = number, timeout_s = number })
  nullable    = false
  validation {
    condition     = var.size.tasks >= 1 && var.size.timeout_s <= 86400
    error_message = "size has ${var.size.tasks} tasks and ${var.size.timeout_s} s, expected a task at least and a day at most."
  }
}
