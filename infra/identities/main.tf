# A service account for each thing that acts. What it may do is granted beside what it may do it to.

locals {
  identities = merge(
    local.always,
    var.has_monitor ? local.of_the_monitor : {},
    var.has_pipeline ? local.of_the_pipeline : {},
  )

  of_the_monitor = tomap({
    monitor          = "The job monitor."
    monitor-schedule = "Starts the job monitor on its schedule."
  })

  of_the_pipeline = tomap({
    deploy = "The pipeline: builds, deploys, tests and promotes."
  })

  always = tomap({
    backlog-schedule = "Starts the job classify-backlog on its schedule."
    build-image      = "Builds the image, and pushes it to the registry."
    classify-backlog = "The job classify-backlog."
    classify-request = "The function classify-request."
    classify-upload  = "The function classify-upload."
    upload-trigger   = "Delivers the upload bucket's events to classify-upload."
  })
}

resource "google_service_account" "identity" {
  for_each     = local.identities
  project      = var.project
  account_id   = each.key
  display_name = each.value
}
