# A team whose code lies elsewhere than on GitHub: a webhook starts the build (docs/deployment.md, "From another Git host").
environment = "preprod"
project     = "my-team-preprod"
region      = "europe-west1"

pipeline = {
  branch     = "^main$"
  golden_set = "gs://my-team-preprod-golden/flowers"
  hands_to   = "my-team-prod"
  rebuilds   = "main"
  remote_uri = "https://gitlab.com/my-team/bucketlens.git"
  webhook = {
    secret = "projects/my-team-preprod/secrets/build-webhook/versions/1"
    token  = "projects/my-team-preprod/secrets/git-token/versions/1"
  }
}
