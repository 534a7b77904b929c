output "subscription" {
  description = "The Pub/Sub subscription that Eventarc made, for whoever wants to look at its backlog."
  value       = try(google_eventarc_trigger.finalized.transport[0].pubsub[0].subscription, null)
}
