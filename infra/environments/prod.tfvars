# Production. One instance stays warm for HTTPS callers. The project's id is TF_VAR_project, or a line here:
# project = "my-project-prod"
environment = "prod"
region      = "europe-west1"

classify_request = { max_instances = 10, min_instances = 1 }
classify_upload  = { max_instances = 10 }

# Somebody must be told: add emails = ["you@example.com"] here.
watch = { thresholds = { no_rows_h = 6 } }

# Everything is deployed by hand. Nothing is built here: what preprod hands over waits for approval:
# pipeline = {
#   approvers  = ["group:releases@example.com"]
#   takes_from = "my-project-preprod"
# }
