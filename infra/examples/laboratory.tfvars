# A laboratory: a few people drop pictures and query, everything is deployed by hand, and it costs next to nothing at rest.
environment = "test"
project     = "my-laboratory"
region      = "europe-west1"

classify_backlog = { schedule = "0 * * * *" }
classify_request = { max_instances = 2 }
classify_upload  = { max_instances = 2 }
readers          = ["group:laboratory@example.com"]
uploaders        = ["group:laboratory@example.com"]
watch            = { emails = ["ada@example.com"], thresholds = { no_rows_h = 0, oldest_upload_s = 10800 } }
