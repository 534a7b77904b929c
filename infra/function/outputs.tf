output "name" {
  description = "The service's name."
  value       = google_cloud_run_v2_service.function.name
}

output "url" {
  description = "Where it answers."
  value       = google_cloud_run_v2_service.function.uri
}
