# Production. One instance stays warm for HTTPS callers.
environment = "prod"
project     = "bucketlens-prod" # yours
region      = "europe-west1"

classify_request = { max_instances = 10, min_instances = 1 }
classify_upload  = { max_instances = 10 }

# Nothing is built here: what preprod hands over waits for approval. Yours, once the repository is connected
# (docs/deployment.md, "The pipeline"); without this, everything is deployed by hand.
pipeline = {
  approvers  = ["group:releases@example.com"]
  remote_uri = "https://github.com/you/bucketlens.git"
  takes_from = "bucketlens-preprod"
}

watch = {
  emails     = ["you@example.com"] # yours
  thresholds = { no_rows_h = 6 }
}
