# What a project needs before anything can be made in it: APIs, Google's own accounts, and roles that grant just what the
# functions do.

locals {
  apis = toset(concat(
    [
      "artifactregistry", "bigquery", "bigqueryconnection", "cloudbuild", "cloudresourcemanager", "cloudscheduler",
      "eventarc", "iam", "iamcredentials", "logging", "monitoring", "pubsub", "run", "storage",
    ],
    flatten([for option in var.options : local.apis_of[option]]),
  ))

  apis_of = {
    binary_authorization = ["binaryauthorization", "containeranalysis"]
    budget               = ["billingbudgets"]
    domain               = ["compute"]
    iap_members          = ["iap"]
    kms_key              = ["cloudkms"]
    label_keys_secret    = ["secretmanager"]
    pipeline             = ["containeranalysis"]
    webhook              = ["apikeys", "secretmanager"]
  }

  # Google makes these accounts when a service is first used, which is later than we grant them something.
  made = toset(concat(
    ["eventarc", "monitoring"],
    contains(var.options, "iap_members") ? ["iap"] : [],
    contains(var.options, "kms_key") ? ["artifactregistry", "run"] : [],
    contains(var.options, "webhook") ? ["cloudbuild"] : [],
  ))

  # By number, and not as a resource knows them: an address that is known after an apply only would have every grant to it
  # made anew whenever an API is added.
  addresses = {
    bigquery   = "bq-%s@bigquery-encryption"
    cloudbuild = "service-%s@gcp-sa-cloudbuild"
    eventarc   = "service-%s@gcp-sa-eventarc"
    iap        = "service-%s@gcp-sa-iap"
    monitoring = "service-%s@gcp-sa-monitoring-notification"
    registry   = "service-%s@gcp-sa-artifactregistry"
    run        = "service-%s@serverless-robot-prod"
    storage    = "service-%s@gs-project-accounts"
  }

  roles = {
    # Deploy as a function: its revision acts as the account, the pipeline itself cannot get a token of it.
    bucketlens_act_as = ["iam.serviceAccounts.actAs"]

    # Append rows, and nothing else: not read them, not change the table.
    bucketlens_append = ["bigquery.tables.get", "bigquery.tables.updateData"]

    # Replace the image and the traffic of what is there. Not create, not delete, not invoke, not say who may.
    bucketlens_deploy = [
      "run.executions.get", "run.jobs.get", "run.jobs.update", "run.revisions.get", "run.revisions.list", "run.services.get",
      "run.services.update",
    ]

    # Write objects. Where an object of that name exists, Cloud Storage asks for `delete` even of a writer that would
    # refuse to replace it, and answers 403 where the code waits for 412: an image dropped twice would come back for ever.
    # https://cloud.google.com/storage/docs/json_api/v1/objects/insert
    # A 412 may also come of a policy that forbids the write, so the writer looks (`get`) whether the object is there
    # before it takes the bytes for safe and removes the upload.
    # https://cloud.google.com/storage/docs/json_api/v1/status-codes
    bucketlens_deposit = ["storage.objects.create", "storage.objects.delete", "storage.objects.get"]

    # See when a deployment is done. Operations belong to the project.
    bucketlens_follow = ["run.operations.get"]

    # Have a token that says who one is, for calling a function.
    bucketlens_identify = ["iam.serviceAccounts.getOpenIdToken"]

    # Read what Cloud Build wrote about how an image was built.
    bucketlens_inspect = ["containeranalysis.occurrences.get", "containeranalysis.occurrences.list"]

    # Add a model or a report, and see whether it is there already. Not replace, not delete: neither ever changes.
    bucketlens_publish = ["storage.objects.create", "storage.objects.get", "storage.objects.list"]

    # Read and remove objects. Without `list` a missing object is 403 and not 404, and an upload that another delivery
    # finished would be taken for one that nobody may read.
    bucketlens_take = ["storage.objects.delete", "storage.objects.get", "storage.objects.list"]
  }
}

data "google_project" "project" {
  project_id = var.project
}

resource "google_project_service" "api" {
  for_each           = local.apis
  project            = var.project
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

# One for each API: adding one makes nothing wait that is there already.
resource "time_sleep" "api_is_known" {
  for_each        = google_project_service.api
  create_duration = "${var.wait_s}s"
}

# Asking for these two makes them; nobody reads the answer.
data "google_bigquery_default_service_account" "agent" {
  project    = var.project
  depends_on = [time_sleep.api_is_known]
}

data "google_storage_project_service_account" "agent" {
  project    = var.project
  depends_on = [time_sleep.api_is_known]
}

resource "google_project_service_identity" "agent" {
  provider   = google-beta
  for_each   = local.made
  project    = var.project
  service    = "${each.key}.googleapis.com"
  depends_on = [time_sleep.api_is_known]
}

resource "time_sleep" "agent_is_known" {
  for_each        = google_project_service_identity.agent
  create_duration = "${var.wait_s}s"
}

resource "google_project_iam_custom_role" "role" {
  for_each    = local.roles
  project     = var.project
  role_id     = each.key
  title       = title(replace(each.key, "_", " "))
  description = "See infra/project."
  permissions = each.value
  depends_on  = [time_sleep.api_is_known]
}
