# As production, so that what works here works there; it forgets sooner. The project's id is TF_VAR_project, or a line here:
# project = "my-project-preprod"
environment = "preprod"
region      = "europe-west1"

classify_request = { max_instances = 10 }
classify_upload  = { max_instances = 10 }
keep_days        = { rows = 90 }

# Nobody uploads over a weekend, nobody labels, and nobody need be told.
watch = { thresholds = { no_labels_days = 0, no_rows_h = 0 } }

# Everything is deployed by hand. With a connected repository (docs/deployment.md, "The pipeline"), what is pushed to main is
# built, deployed and tested here, handed over, and built anew each month:
# pipeline = {
#   branch     = "^main$"
#   golden_set = "gs://my-project-preprod-golden/flowers"
#   hands_to   = "my-project-prod"
#   rebuilds   = "main"
#   remote_uri = "https://github.com/you/bucketlens.git"
# }
