variable "agents" {
  description = "Google's own service accounts by service."
  type        = map(string)
}

variable "bucket" {
  description = "The upload bucket."
  type        = string
}

variable "identity" {
  description = "The service account that delivers events."
  type        = object({ email = string, member = string })
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the bucket is: no other trigger hears of it."
  type        = string
}

variable "service" {
  description = "The function that is called."
  type        = string
}

variable "wait_s" {
  description = "How long a grant is given to be known everywhere."
  type        = number
}
