# An object that is complete in the upload bucket becomes a call of classify-upload. Events that fail come again, for a
# day; what is left then is the sweep's. One that takes longer than Pub/Sub's ten seconds comes again too, and finds its
# work done.

# Cloud Storage announces objects on a topic that Eventarc makes; its name is not known before, so the grant is the project's.
resource "google_project_iam_member" "storage_announces" {
  project = var.project
  role    = "roles/pubsub.publisher"
  member  = var.agents["storage"]
}

resource "google_project_iam_member" "eventarc_agent" {
  project = var.project
  role    = "roles/eventarc.serviceAgent"
  member  = var.agents["eventarc"]
}

# There is no smaller thing than the project to grant this on.
resource "google_project_iam_member" "trigger_receives" {
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = var.identity.member
}

# A trigger that is made before its grants are known fails with "Permission denied while using the Eventarc Service Agent".
resource "time_sleep" "grants_are_known" {
  create_duration = "${var.wait_s}s"
  triggers = {
    eventarc_agent    = google_project_iam_member.eventarc_agent.id
    storage_announces = google_project_iam_member.storage_announces.id
    trigger_receives  = google_project_iam_member.trigger_receives.id
  }
}

resource "google_eventarc_trigger" "finalized" {
  project         = var.project
  name            = "upload-finalized"
  location        = var.region
  service_account = var.identity.email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }
  matching_criteria {
    attribute = "bucket"
    value     = var.bucket
  }

  destination {
    cloud_run_service {
      service = var.service
      region  = var.region
      path    = "/"
    }
  }

  # Grants go after it, and come before it.
  depends_on = [time_sleep.grants_are_known]
}
