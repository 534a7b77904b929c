variable "approvers" {
  description = "Who may approve or reject a release."
  type        = set(string)
}

variable "branch" {
  description = "Pushes to branches like this (a regular expression) are built and deployed here; null: nothing is built here."
  type        = string
}

variable "canary" {
  description = "Percent of the traffic that a candidate gets, and how many images of each side, within how many minutes, it is judged by."
  type        = object({ images = number, minutes = number, percent = number })
}

variable "connection" {
  description = "Cloud Build's connection to GitHub: projects/…/locations/…/connections/…"
  type        = string
}

variable "dataset" {
  description = "The dataset whose rows a release is judged by."
  type        = string
}

variable "functions" {
  description = "The full names of the service accounts that the functions run as, by function."
  type        = map(string)
}

variable "golden_set" {
  description = "Labelled pictures, gs://BUCKET/FOLDER; null where nothing is built."
  type        = string
}

variable "hands_to" {
  description = "The project that gets what was tested here; null for none."
  type        = string
}

variable "identity" {
  description = "The service account that builds and deploys."
  type        = object({ member = string, name = string })
}

variable "image" {
  description = "Where the image is kept here, without tag or digest."
  type        = string
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where everything is."
  type        = string
}

variable "remote_uri" {
  description = "The repository: https://github.com/OWNER/NAME.git"
  type        = string
}

variable "repository" {
  description = "The registry's repository."
  type        = string
}

variable "roles" {
  description = "Custom roles by what they allow."
  type        = map(string)
}

variable "takes_from" {
  description = "The project that may hand over; null for none."
  type        = string
}

variable "upload_bucket" {
  description = "Where the smoke test drops its picture."
  type        = string
}

variable "url" {
  description = "Where classify-request answers, if it has a domain; null: Cloud Run knows."
  type        = string
}

variable "wait_s" {
  description = "How long a grant is given to be known everywhere."
  type        = number
}
