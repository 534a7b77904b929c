variable "has_pipeline" {
  description = "Whether something is deployed by itself."
  type        = bool
}

variable "project" {
  description = "The project's id."
  type        = string
}
