# A page for everybody under a name of one's own, with a limit to what an address may ask and to what a month can cost.
environment = "prod"
project     = "my-public-page"
region      = "us-central1"

classify_request = { max_instances = 3, min_instances = 1 }
domain           = { name = "images.example.com", dns_zone = "example", calls_per_minute = 60 }
public           = true
settings         = { MAX_IMAGES_PER_MINUTE = "60" }

watch = {
  budget = { billing_account = "000000-AAAAAA-000000", units = 250 }
  emails = ["you@example.com"]
}
