variable "agents" {
  description = "Google's own service accounts by service."
  type        = map(string)
}

variable "kms_key" {
  description = "The key: projects/…/locations/…/keyRings/…/cryptoKeys/…"
  type        = string
}

variable "wait_s" {
  description = "How long a grant is given to be known everywhere."
  type        = number
}
