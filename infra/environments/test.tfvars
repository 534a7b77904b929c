# Where changes are tried: small, and cheap when something runs wild.
environment = "test"
project     = "bucketlens-test" # yours
region      = "europe-west1"

classify_request = { max_instances = 2 }
classify_upload  = { max_instances = 2 }
keep_days        = { old_versions = 7, quarantine = 14, rows = 90 }

# Branches that begin with try- are built, deployed and tested here, and go no further. Yours, once the repository is
# connected (docs/deployment.md, "The pipeline"); without this, everything is deployed by hand.
pipeline = {
  branch     = "^try-"
  golden_set = "gs://bucketlens-test-golden/flowers"
  remote_uri = "https://github.com/you/bucketlens.git"
}

watch = { emails = ["you@example.com"] } # yours
