output "kms_key" {
  description = "The key, once the service agents may use it."
  value       = var.kms_key
  depends_on  = [time_sleep.grants_are_known]
}
