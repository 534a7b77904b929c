variable "deletion_protection" {
  description = "Whether the job refuses to be destroyed."
  type        = bool
}

variable "environment" {
  description = "Settings by name; README.md says what they decide."
  type        = map(string)
}

variable "identity" {
  description = "The e-mail address of the service account that it runs as."
  type        = string
}

variable "image" {
  description = "What it is created from, by digest."
  type        = string
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
  description = "The job's name, and the schedule's."
  type        = string
}

variable "region" {
  description = "Where it runs."
  type        = string
}

variable "scheduler" {
  description = "The service account that starts it."
  type        = object({ email = string, member = string })
}

variable "size" {
  description = "CPUs and memory in MiB of a task, number of tasks, schedule (cron, UTC), and the longest run in seconds."
  type        = object({ cpu = number, memory_mb = number, schedule = string, tasks = number, timeout_s = number })
}
