# A hospital: a key of its own, people sign in with a browser, and rows and pictures that were refused go after a while.
# No medical device: docs/chest-xray.md.
environment = "prod"
project     = "my-hospital"
region      = "europe-west4"

classify_request = { max_instances = 4, min_instances = 1 }
iap_members      = ["group:radiology@example.com"]
keep_days        = { deleted = 30, quarantine = 30, rows = 365 }
kms_key          = "projects/my-keys/locations/europe-west4/keyRings/images/cryptoKeys/bucketlens"
model_bundle     = "chest_xray_v1"
settings         = { MAX_IMAGES_PER_MINUTE = "120" }
uploaders        = ["serviceAccount:scanner@my-hospital.iam.gserviceaccount.com"]

watch = {
  emails          = ["operations@example.com"]
  urgent_channels = ["projects/my-hospital/notificationChannels/1234567890"]
}
