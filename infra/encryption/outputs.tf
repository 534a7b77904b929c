output "kms_key" {
  description = "The key, once the service agents may use it."
  value       = terraform_data.grants_are_known.input
  depends_on  = [terraform_data.grants_are_known]
}
