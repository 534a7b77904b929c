# Plans, and plans that must fail with a sentence. They run with the stand-in (`make test-all`) and, since nothing is
# applied, against a real project too, in the workspace `test`: terraform test -test-directory=tests/system/infra

variables {
  environment = "test"
  project     = "bucketlens-test"
  region      = "europe-west1"
}

run "the_first_apply_needs_no_image_and_makes_no_function" {
  command = plan
  variables {
    bucket_names     = { upload = "drop-images-here" }
    deploy_functions = false
  }
  assert {
    condition     = length(module.classify_upload) + length(module.classify_request) + length(module.classify_backlog) == 0
    error_message = "A function is made before there is an image."
  }
  assert {
    condition     = length(module.upload_trigger) + length(module.sql_function) == 0
    error_message = "Something calls a function that is not there."
  }
  assert {
    condition     = strcontains(output.build, "europe-west1-docker.pkg.dev/bucketlens-test/bucketlens")
    error_message = "The image is pushed elsewhere than it is looked for: ${output.build}"
  }
  assert {
    condition     = output.buckets["upload"] == "drop-images-here" && output.buckets["archive"] == "bucketlens-test-archive"
    error_message = "Buckets are named ${jsonencode(output.buckets)}."
  }
}

run "the_second_apply_makes_the_functions" {
  command = plan
  assert {
    condition     = module.classify_upload[0].name == "classify-upload" && module.classify_request[0].name == "classify-request"
    error_message = "A function is not named after its folder."
  }
  assert {
    condition     = length(module.upload_trigger) + length(module.classify_backlog) + length(module.sql_function) + length(module.monitor) == 4
    error_message = "A way into the pipeline is missing."
  }
  assert {
    condition     = strcontains(module.image[0].image, "bucketlens/serving@sha256:")
    error_message = "The functions are created from ${module.image[0].image}."
  }
  assert {
    condition     = length(module.pipeline) == 0 && length(module.observability) == 1
    error_message = "Without a pipeline everything is deployed by hand, and still watched."
  }
  assert {
    condition     = module.buckets.region == "europe-west1"
    error_message = "The trigger would not be where its bucket is."
  }
}

run "behind_a_domain_and_iap_people_call_and_bigquery_does_not" {
  command = plan
  variables {
    domain      = { name = "images.example.com" }
    iap_members = ["group:team@example.com"]
  }
  assert {
    condition     = output.url == "https://images.example.com" && length(module.domain) == 1
    error_message = "The URL is ${output.url}."
  }
  assert {
    condition     = length(module.sql_function) == 0 && startswith(output.sql, "-- ")
    error_message = "BigQuery would call a function that turns it away."
  }
}

run "a_bucket_named_like_another_by_default_is_refused" {
  command = plan
  variables {
    bucket_names = { upload = "bucketlens-test-quarantine" }
  }
  expect_failures = [var.bucket_names]
}

run "malformed_variables_are_refused_all_at_once" {
  command = plan
  variables {
    archive_classes  = [{ age = 30, storage_class = "FROZEN" }]
    attestors        = ["built-by-cloud-build"]
    build_region     = "EU"
    classify_backlog = { tasks = 0 }
    classify_request = { concurrency = 80 }
    classify_upload  = { max_instances = 1000 }
    dataset          = "with-dash"
    domain           = { name = "https://images.example.com" }
    environment      = "production"
    iap_members      = ["group:team@example.com"]
    image            = "europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/serving:latest"
    invokers         = ["allUsers"]
    keep_days        = { deleted = 3 }
    kms_key          = "projects/keys/locations/us-east1/keyRings/ring/cryptoKeys/key"
    model_bundle     = "flowers_v1,flowers@beta=gs://models/flowers"
    monitor          = { readers = ["allUsers"] }
    project          = "Bucketlens"
    public           = true
    settings         = { UPLOAD_BUCKET = "another" }
    wait_s           = 3600
  }
  expect_failures = [
    var.archive_classes, var.attestors, var.build_region, var.classify_backlog, var.classify_request, var.classify_upload, var.dataset, var.domain, var.environment, var.image,
    var.invokers, var.keep_days, var.kms_key, var.model_bundle, var.monitor, var.project, var.public, var.settings,
    var.wait_s,
  ]
}

# What may be said of these depends on the environment, so they are not looked at where that is malformed.
run "a_malformed_watch_is_refused" {
  command = plan
  variables {
    watch = { channels = ["slack"], thresholds = { error_rate = 5, no_rows_h = 48 } }
  }
  expect_failures = [var.watch]
}

run "a_malformed_pipeline_is_refused" {
  command = plan
  variables {
    pipeline = { branch = "^main$", canary = { percent = 100 }, remote_uri = "github.com/you/bucketlens" }
  }
  expect_failures = [var.pipeline]
}

run "a_region_in_capitals_is_refused" {
  command = plan
  variables {
    region = "EUROPE-WEST1"
  }
  expect_failures = [var.region]
}
