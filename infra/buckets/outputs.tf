output "names" {
  description = "Names by role."
  value       = { for role, bucket in google_storage_bucket.bucket : role => bucket.name }
}

output "region" {
  description = "Where the upload bucket is, and so its trigger must be."
  value       = lower(google_storage_bucket.bucket["upload"].location)
}
