variable "connection" {
  description = "The BigQuery connection that calls."
  type        = string
}

variable "dataset" {
  description = "The dataset that holds the function."
  type        = string
}

variable "endpoint" {
  description = "What is called."
  type        = string
}

variable "rows" {
  description = "How many rows one call brings at most."
  type        = string
}
