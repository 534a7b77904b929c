variable "agents" {
  description = "Google's own service accounts by service."
  type        = map(string)
  nullable    = false
}

variable "kms_key" {
  description = "The key: projects/…/locations/…/keyRings/…/cryptoKeys/…"
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key is \"${var.kms_key}\", expected projects/…/locations/…/keyRings/…/cryptoKeys/…"
  }
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
