variable "approvers" {
  description = "Who may approve or reject a release."
  type        = set(string)
  nullable    = false
}

variable "branch" {
  description = "Pushes to branches like this (a regular expression) are built and deployed here; null: nothing is built here."
  type        = string
  default     = null
}

variable "build_agent" {
  description = "Cloud Build's own service account, as IAM names it."
  type        = string
  nullable    = false
}

variable "build_region" {
  description = "Where builds run."
  type        = string
  nullable    = false
}

variable "canary" {
  description = "Percent of the traffic that a candidate gets, and how many images of each side, within how many minutes, it is judged by."
  type        = object({ images = number, minutes = number, percent = number })
  nullable    = false
}

variable "connection" {
  description = "Cloud Build's connection to GitHub: projects/…/locations/…/connections/…"
  type        = string
  nullable    = false
}

variable "dataset" {
  description = "The dataset whose rows a release is judged by."
  type        = string
  nullable    = false
}

variable "domain_url" {
  description = "Where classify-request answers, if it has a domain; null: Cloud Run knows."
  type        = string
  default     = null
}

variable "functions" {
  description = "The full names of the service accounts that the functions run as, by function."
  type        = map(string)
  nullable    = false
}

variable "golden_set" {
  description = "Labelled pictures, gs://BUCKET/FOLDER; null for none."
  type        = string
  default     = null
}

variable "hands_to" {
  description = "The project that gets what was tested here; null for none."
  type        = string
  default     = null
}

variable "identity" {
  description = "The service account that builds and deploys."
  type        = object({ member = string, name = string })
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

variable "rebuilds" {
  description = "The branch that is built anew each month; null for none."
  type        = string
  default     = null
}

variable "region" {
  description = "Where everything is."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "registry" {
  description = "Where images are kept here: REGION-docker.pkg.dev/PROJECT/REPOSITORY"
  type        = string
  nullable    = false
}

variable "remote_uri" {
  description = "The repository: https://github.com/OWNER/NAME.git, or another host's; null where nothing is built."
  type        = string
  default     = null
}

variable "repository" {
  description = "The registry's repository."
  type        = string
  nullable    = false
}

variable "roles" {
  description = "Custom roles by what they allow."
  type        = map(string)
  nullable    = false
}

variable "takes_from" {
  description = "The project that may hand over; null for none."
  type        = string
  default     = null
}

variable "upload_bucket" {
  description = "Where the smoke test drops its picture."
  type        = string
  nullable    = false
}

variable "url" {
  description = "Cloud Run's URL of classify-request, where it can be called from the internet; null where not."
  type        = string
  default     = null
}

variable "wait_s" {
  description = "How long a grant is given to be known everywhere."
  type        = number
  nullable    = false
  validation {
    condition     = var.wait_s >= 0 && var.wait_s <= 600
    error_message = "wait_s is ${var.wait_s}, expected 0 to 600 seconds."
  }
}

variable "webhook" {
  description = "Instead of GitHub's connection: the version of the secret that calls must bear, which fields of the call name commit and ref, and the version of the secret with a token that reads a private repository; null with GitHub's connection."
  type        = object({ commit = string, ref = string, secret = string, token = optional(string) })
  default     = null
}
