variable "dns_zone" {
  description = "The Cloud DNS zone that gets the record; null where DNS is kept elsewhere."
  type        = string
}

variable "domain" {
  description = "The host name."
  type        = string
}

variable "region" {
  description = "Where the function runs."
  type        = string
}

variable "service" {
  description = "The function's service."
  type        = string
}
