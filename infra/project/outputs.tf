output "agents" {
  description = "Google's own service accounts that work for this project, by service, as IAM names them."
  value = merge(
    {
      bigquery = data.google_bigquery_default_service_account.agent.member
      storage  = data.google_storage_project_service_account.agent.member
    },
    {
      for service, name in { eventarc = "gcp-sa-eventarc", iap = "gcp-sa-iap", monitoring = "gcp-sa-monitoring-notification", registry = "gcp-sa-artifactregistry", run = "serverless-robot-prod" } :
      service => "serviceAccount:service-${data.google_project.project.number}@${name}.iam.gserviceaccount.com"
    },
  )
}

output "number" {
  description = "The project's number."
  value       = data.google_project.project.number
}

output "roles" {
  description = "Custom roles by what they allow: append, deploy, take, …."
  value       = { for name, role in google_project_iam_custom_role.role : trimprefix(name, "bucketlens_") => "projects/${var.project}/roles/${role.role_id}" }
}
