output "build_command" {
  description = "Builds the images and pushes them."
  value = join(" ", [
    "gcloud builds submit --config=infra/pipeline/image.yaml",
    "--project=${var.project} --region=${var.build_region}",
    "--service-account=projects/${var.project}/serviceAccounts/${trimprefix(var.builder, "serviceAccount:")}",
    "--gcs-source-staging-dir=gs://${google_storage_bucket.sources.name}/source",
    "--substitutions=_REGISTRY=${local.url}",
  ])
}

output "repository" {
  description = "The repository's name."
  value       = google_artifact_registry_repository.images.name
}

output "url" {
  description = "Where images are pushed to."
  value       = local.url
}
