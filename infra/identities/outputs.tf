output "emails" {
  description = "E-mail addresses by name."
  value       = { for name, identity in google_service_account.identity : name => identity.email }
}

output "members" {
  description = "The same, as IAM names them."
  value       = { for name, identity in google_service_account.identity : name => identity.member }
}

output "names" {
  description = "Full names by name: projects/…/serviceAccounts/…"
  value       = { for name, identity in google_service_account.identity : name => "projects/${var.project}/serviceAccounts/${identity.email}" }
}
