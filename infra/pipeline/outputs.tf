output "topic" {
  description = "Where digests are handed over."
  value       = google_pubsub_topic.releases.id
}

output "webhook" {
  description = "What a Git host is told to call, with the API key and the secret put in; null with GitHub's own connection."
  value       = var.webhook == null ? null : "https://cloudbuild.googleapis.com/v1/projects/${var.project}/locations/${var.build_region}/triggers/build:webhook?key=API_KEY&secret=SECRET"
}
