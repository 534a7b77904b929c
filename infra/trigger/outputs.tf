output "subscription" {
  description = "The Pub/Sub subscription that Eventarc made, whose backlog is watched."
  value       = try(google_eventarc_trigger.finalized.transport[0].pubsub[0].subscription, "none")
}
