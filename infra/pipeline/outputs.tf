output "topic" {
  description = "Where a digest is handed over."
  value       = google_pubsub_topic.releases.id
}
