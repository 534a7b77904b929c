output "connection" {
  description = "The connection's full name."
  value       = google_bigquery_connection.connection.name
}

output "connection_member" {
  description = "Who the connection acts as."
  value       = local.connection_member
}

output "dataset" {
  description = "The dataset's name."
  value       = google_bigquery_dataset.dataset.dataset_id
}
