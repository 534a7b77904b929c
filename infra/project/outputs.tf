output "agents" {
  description = "Google's own service accounts that work for this project, by service, as IAM names them."
  value = {
    for service, address in local.addresses :
    service => "serviceAccount:${format(address, data.google_project.project.number)}.iam.gserviceaccount.com"
  }
  depends_on = [
    data.google_bigquery_default_service_account.agent,
    data.google_storage_project_service_account.agent,
    time_sleep.agent_is_known,
  ]
}

output "number" {
  description = "The project's number."
  value       = data.google_project.project.number
}

output "roles" {
  description = "Custom roles by what they allow: append, deploy, take, …."
  value       = { for name, role in google_project_iam_custom_role.role : trimprefix(name, "bucketlens_") => "projects/${var.project}/roles/${role.role_id}" }
}
