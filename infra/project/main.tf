# What a project needs before anything can be made in it: APIs, and roles that grant just what the functions do.

locals {
  apis = concat(
    [
      "artifactregistry", "bigquery", "bigqueryconnection", "cloudbuild", "cloudresourcemanager", "cloudscheduler",
      "eventarc", "iam", "iamcredentials", "logging", "monitoring", "pubsub", "run", "storage",
    ],
    [for option in var.options : { budget = "billingbudgets", domain = "compute", iap_members = "iap", kms_key = "cloudkms", label_keys_secret = "secretmanager" }[option]],
  )

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

    # Add a model, and see whether it is there already. Not replace, not delete: a version never changes.
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
  for_each           = toset(local.apis)
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

resource "terraform_data" "apis_are_known" {
  triggers_replace = sort([for api in google_project_service.api : api.service])
  provisioner "local-exec" {
    command = "sleep ${var.wait_s}"
  }
}

# Google's own service accounts that work for this project; asking for these two makes them.
data "google_bigquery_default_service_account" "agent" {
  depends_on = [terraform_data.apis_are_known]
}

data "google_storage_project_service_account" "agent" {
  depends_on = [terraform_data.apis_are_known]
}

resource "google_project_iam_custom_role" "role" {
  for_each    = local.roles
  role_id     = each.key
  title       = title(replace(each.key, "_", " "))
  description = "See infra/project."
  permissions = each.value
  depends_on  = [terraform_data.apis_are_known]
}
