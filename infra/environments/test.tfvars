# Where changes are tried: small, and cheap when something runs wild. The project's id is TF_VAR_project, or a line here:
# project = "my-project"
environment = "test"
region      = "europe-west1"

classify_request = { max_instances = 2 }
classify_upload  = { max_instances = 2 }
keep_days        = { old_versions = 7, quarantine = 14, rows = 90 }

# Nobody uploads at night, nobody labels, and nobody need be told.
watch = { thresholds = { no_labels_days = 0, no_rows_h = 0 } }

# Everything is deployed by hand. With a connected repository (docs/deployment.md, "The pipeline"), branches that begin with
# try- are built, deployed and tested here, and go no further:
# pipeline = {
#   branch     = "^try-"
#   golden_set = "gs://my-project-golden/flowers"
#   remote_uri = "https://github.com/you/bucketlens.git"
# }
