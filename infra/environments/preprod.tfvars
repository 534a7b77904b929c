# As production, so that what works here works there; it forgets sooner.
environment = "preprod"
project     = "bucketlens-preprod" # yours
region      = "europe-west1"

classify_request = { max_instances = 10 }
classify_upload  = { max_instances = 10 }
keep_days        = { rows = 90 }

# What is pushed to main is built, deployed and tested here, and handed over. Yours, once the repository is connected
# (docs/deployment.md, "The pipeline"); without this, everything is deployed by hand.
pipeline = {
  branch     = "^main$"
  golden_set = "gs://bucketlens-preprod-golden/flowers"
  hands_to   = "bucketlens-prod"
  remote_uri = "https://github.com/you/bucketlens.git"
}

watch = { emails = ["you@example.com"] } # yours
