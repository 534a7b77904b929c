# Bucketlens on Google Cloud, from an empty project: docs/deployment.md says what to type.
#
#     upload bucket ──trigger──► classify_upload   ┐                      ┌─► archive bucket
#     HTTPS client ──(domain)──► classify_request  ├─ the image of the ───┼─► quarantine bucket
#     schedule ────────────────► classify_backlog  ┘  registry            └─► BigQuery ──sql_function──► classify_request
#     schedule ────────────────► monitor ◄── rows, archive; ──► verdicts in BigQuery, reports bucket
#
# One project holds one environment: names are the same in each, and infra/environments says what differs.

terraform {
  required_version = ">= 1.9, < 2"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.44, < 9"
    }
    google-beta = { # for one resource: Google's own accounts
      source  = "hashicorp/google-beta"
      version = ">= 7.44, < 9"
    }
    time = {
      source  = "hashicorp/time"
      version = ">= 0.12, < 1"
    }
  }

  # The bucket is named by `terraform init -backend-config=bucket=PROJECT-terraform`: a state on one machine is lost with it.
  backend "gcs" {}
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = { app = "bucketlens", environment = var.environment }
}

provider "google-beta" {
  project = var.project
  region  = var.region
}

# ---------------------------------------------------------------------- the first apply: data, and who may touch it

module "project" {
  source  = "./infra/project"
  options = local.options
  project = var.project
  wait_s  = var.wait_s
}

module "identities" {
  source       = "./infra/identities"
  has_monitor  = var.monitor != null
  has_pipeline = var.pipeline != null
  project      = var.project
  depends_on   = [module.project]
}

module "encryption" {
  source  = "./infra/encryption"
  count   = var.kms_key == null ? 0 : 1
  agents  = module.project.agents
  kms_key = var.kms_key
  wait_s  = var.wait_s
}

module "buckets" {
  source              = "./infra/buckets"
  archive_classes     = var.archive_classes
  deletion_protection = var.deletion_protection
  has_monitor         = var.monitor != null
  identities          = module.identities.members
  keep_days           = var.keep_days
  kept_buckets        = var.kept_buckets
  kms_key             = one(module.encryption[*].kms_key)
  names               = local.bucket_names
  publishers          = var.publishers
  readable_buckets    = var.readable_buckets
  reads_models        = local.model_folder || local.model_download
  region              = var.region
  report_readers      = try(var.monitor.readers, [])
  roles               = module.project.roles
  uploaders           = var.uploaders
}

module "registry" {
  source              = "./infra/registry"
  build_region        = local.build_region
  builder             = module.identities.members["build-image"]
  deletion_protection = var.deletion_protection
  kms_key             = one(module.encryption[*].kms_key)
  project             = var.project
  region              = var.region
  repository          = local.repository
}

module "metrics" {
  source     = "./infra/metrics"
  project    = var.project
  depends_on = [module.project]
}

module "binary_authorization" {
  source     = "./infra/binary_authorization"
  count      = length(var.attestors) == 0 ? 0 : 1
  attestors  = var.attestors
  project    = var.project
  depends_on = [module.project]
}

module "bigquery" {
  source              = "./infra/bigquery"
  archive_bucket      = module.buckets.names["archive"]
  dataset             = var.dataset
  deletion_protection = var.deletion_protection
  has_monitor         = var.monitor != null
  identities          = module.identities.members
  keep_days           = var.keep_days.rows
  kms_key             = one(module.encryption[*].kms_key)
  project             = var.project
  publishers          = var.publishers
  readers             = var.readers
  reads_rows          = length(var.kept_buckets) > 0
  region              = var.region
  roles               = module.project.roles
  wait_s              = var.wait_s
}

# -------------------------------------------------------------------- the second apply: what works with the image

module "image" {
  source     = "./infra/image"
  count      = var.deploy_functions ? 1 : 0
  image      = var.image
  project    = var.project
  region     = var.region
  repository = local.repository
  target     = "serving"
}

module "operations_image" {
  source     = "./infra/image"
  count      = var.deploy_functions && var.monitor != null ? 1 : 0
  image      = try(var.monitor.image, null)
  project    = var.project
  region     = var.region
  repository = local.repository
  target     = "operations"
}

module "classify_upload" {
  source                   = "./infra/function"
  count                    = var.deploy_functions ? 1 : 0
  name                     = "classify-upload"
  environment              = local.environment
  has_binary_authorization = length(var.attestors) > 0
  identity                 = module.identities.emails["classify-upload"]
  image                    = module.image[0].image
  ingress                  = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  invokers                 = { trigger = module.identities.members["upload-trigger"] }
  kms_key                  = one(module.encryption[*].kms_key)
  model_bucket             = local.model_folder ? module.buckets.names["models"] : null
  project                  = var.project
  region                   = var.region
  size                     = var.classify_upload
  depends_on               = [module.binary_authorization, module.buckets, module.bigquery]
}

module "classify_request" {
  source                   = "./infra/function"
  count                    = var.deploy_functions ? 1 : 0
  name                     = "classify-request"
  audience                 = var.domain == null ? null : "https://${var.domain.name}"
  environment              = merge(local.environment, local.readable, local.callers)
  has_binary_authorization = length(var.attestors) > 0
  iap_agent                = module.project.agents["iap"]
  iap_members              = var.iap_members
  identity                 = module.identities.emails["classify-request"]
  image                    = module.image[0].image
  ingress                  = var.domain == null ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  invokers                 = local.invokers
  is_public                = var.public
  kms_key                  = one(module.encryption[*].kms_key)
  model_bucket             = local.model_folder ? module.buckets.names["models"] : null
  project                  = var.project
  region                   = var.region
  secrets                  = var.label_keys_secret == null ? {} : { LABEL_KEYS = var.label_keys_secret }
  size                     = var.classify_request
  depends_on               = [module.binary_authorization, module.buckets, module.bigquery]
}

module "classify_backlog" {
  source                   = "./infra/job"
  count                    = var.deploy_functions ? 1 : 0
  name                     = "classify-backlog"
  environment              = local.environment
  has_binary_authorization = length(var.attestors) > 0
  identity                 = module.identities.emails["classify-backlog"]
  image                    = module.image[0].image
  kms_key                  = one(module.encryption[*].kms_key)
  model_bucket             = local.model_folder ? module.buckets.names["models"] : null
  project                  = var.project
  region                   = var.region
  scheduler                = { email = module.identities.emails["backlog-schedule"], member = module.identities.members["backlog-schedule"] }
  size                     = var.classify_backlog
  depends_on               = [module.binary_authorization, module.buckets, module.bigquery]
}

module "monitor" {
  source                   = "./infra/job"
  count                    = var.deploy_functions && var.monitor != null ? 1 : 0
  name                     = "monitor"
  environment              = merge(local.environment, { REPORT_BUCKET = module.buckets.names["reports"] })
  has_binary_authorization = length(var.attestors) > 0
  identity                 = module.identities.emails["monitor"]
  image                    = module.operations_image[0].image
  kms_key                  = one(module.encryption[*].kms_key)
  model_bucket             = local.model_folder ? module.buckets.names["models"] : null
  project                  = var.project
  region                   = var.region
  scheduler                = { email = module.identities.emails["monitor-schedule"], member = module.identities.members["monitor-schedule"] }
  size                     = merge(var.monitor.size, { tasks = 1 })
  depends_on               = [module.binary_authorization, module.buckets, module.bigquery]
}

module "upload_trigger" {
  source     = "./infra/trigger"
  count      = var.deploy_functions ? 1 : 0
  agents     = module.project.agents
  bucket     = module.buckets.names["upload"]
  identity   = { email = module.identities.emails["upload-trigger"], member = module.identities.members["upload-trigger"] }
  project    = var.project
  region     = module.buckets.region
  service    = module.classify_upload[0].name
  wait_s     = var.wait_s
  depends_on = [module.classify_upload]
}

module "sql_function" {
  source     = "./infra/sql_function"
  count      = local.has_sql_function ? 1 : 0
  connection = module.bigquery.connection
  dataset    = module.bigquery.dataset
  endpoint   = "${module.classify_request[0].url}/v1/bigquery:call"
  project    = var.project
  rows       = lookup(var.settings, "MAX_IMAGES_PER_REQUEST", "16")
  depends_on = [module.classify_request]
}

module "domain" {
  source           = "./infra/domain"
  count            = var.deploy_functions && var.domain != null ? 1 : 0
  calls_per_minute = var.domain.calls_per_minute
  dns_zone         = var.domain.dns_zone
  domain           = var.domain.name
  project          = var.project
  region           = var.region
  service          = module.classify_request[0].name
}

# ------------------------------------------------------------------------------------ from a commit to here, and the watch

module "pipeline" {
  source        = "./infra/pipeline"
  count         = var.deploy_functions && var.pipeline != null ? 1 : 0
  approvers     = var.pipeline.approvers
  branch        = var.pipeline.branch
  build_agent   = module.project.agents["cloudbuild"]
  build_region  = local.build_region
  canary        = var.pipeline.canary
  connection    = "projects/${var.project}/locations/${local.build_region}/connections/${var.pipeline.connection}"
  dataset       = module.bigquery.dataset
  domain_url    = var.domain == null ? null : local.url
  functions     = { for name in concat(["classify-backlog", "classify-request", "classify-upload"], var.monitor == null ? [] : ["monitor"]) : name => module.identities.names[name] }
  golden_set    = var.pipeline.golden_set
  hands_to      = var.pipeline.hands_to
  identity      = { member = module.identities.members["deploy"], name = module.identities.names["deploy"] }
  project       = var.project
  rebuilds      = var.pipeline.rebuilds
  region        = var.region
  registry      = module.registry.url
  remote_uri    = var.pipeline.remote_uri
  repository    = module.registry.repository
  roles         = module.project.roles
  takes_from    = var.pipeline.takes_from
  upload_bucket = module.buckets.names["upload"]
  url           = var.domain == null && length(var.iap_members) == 0 ? module.classify_request[0].url : null
  wait_s        = var.wait_s
  webhook       = var.pipeline.webhook
  depends_on    = [module.classify_backlog, module.classify_request, module.classify_upload, module.monitor]
}

module "observability" {
  source          = "./infra/observability"
  count           = var.deploy_functions ? 1 : 0
  budget          = var.watch.budget
  channels        = var.watch.channels
  emails          = var.watch.emails
  has_monitor     = var.monitor != null
  host            = length(var.iap_members) > 0 ? null : trimprefix(local.url, "https://")
  project         = var.project
  project_number  = module.project.number
  runbook         = local.runbook
  subscription    = module.upload_trigger[0].subscription
  thresholds      = var.watch.thresholds
  urgent_channels = var.watch.urgent_channels
  depends_on      = [module.classify_backlog, module.classify_request, module.classify_upload, module.metrics, module.monitor]
}

locals {
  bucket_names = {
    for role, name in var.bucket_names : role => coalesce(name, "${var.project}-${role}")
    if role != "reports" || var.monitor != null
  }

  build_region = coalesce(var.build_region, var.region)
  repository   = "bucketlens"

  # Which APIs they need, the project module knows.
  options = concat(
    length(var.attestors) == 0 ? [] : ["binary_authorization"],
    var.watch.budget == null ? [] : ["budget"],
    var.domain == null ? [] : ["domain"],
    var.kms_key == null ? [] : ["kms_key"],
    length(var.iap_members) == 0 ? [] : ["iap_members"],
    var.label_keys_secret == null ? [] : ["label_keys_secret"],
    var.pipeline == null ? [] : ["pipeline"],
    try(var.pipeline.webhook, null) == null ? [] : ["webhook"],
  )

  # A model lies in the image, in the models bucket mounted as a folder, or is downloaded from there at each start.
  model_download = strcontains(coalesce(var.model_bundle, "-"), "gs://${local.bucket_names["models"]}/")
  model_folder   = can(regex("(^|[=,])\\s*/models/", coalesce(var.model_bundle, "-")))

  readable = length(var.readable_buckets) == 0 ? {} : { READABLE_BUCKETS = join(",", var.readable_buckets) }

  # Who checks callers before classify-request is reached; it believes nothing else.
  callers = length(var.iap_members) == 0 ? { CALLERS = var.public ? "none" : "iam" } : {
    CALLERS      = "iap"
    IAP_AUDIENCE = "/projects/${module.project.number}/locations/${var.region}/services/classify-request"
  }

  # BigQuery calls with a token of its own, which IAP turns away.
  has_sql_function = var.deploy_functions && length(var.iap_members) == 0

  invokers = merge(
    { for member in var.invokers : member => member },
    local.has_sql_function ? { bigquery = module.bigquery.connection_member } : {},
    length(var.iap_members) > 0 ? {} : { monitoring = module.project.agents["monitoring"] },
  )

  # Alerts link to it, where somebody said where it can be read.
  runbook = coalesce(
    var.watch.runbook,
    try("${trimsuffix(var.pipeline.remote_uri, ".git")}/blob/main/docs/runbook.md", null),
    "docs/runbook.md",
  )

  decided_here = [
    "ARCHIVE_BUCKET", "BIGQUERY_DATASET", "CALLERS", "FUNCTION_TARGET", "GOOGLE_CLOUD_PROJECT", "IAP_AUDIENCE", "LABEL_KEYS",
    "LOG_FORMAT", "MEMORY_MB", "MODEL_BUNDLE", "QUARANTINE_BUCKET", "READABLE_BUCKETS", "REPORT_BUCKET", "THREADS", "UPLOAD_BUCKET",
  ]

  # By name as in docs/settings.md; functions add what their size decides.
  environment = merge(
    var.settings,
    {
      ARCHIVE_BUCKET       = module.buckets.names["archive"]
      BIGQUERY_DATASET     = module.bigquery.dataset
      GOOGLE_CLOUD_PROJECT = var.project
      LOG_FORMAT           = "json"
      QUARANTINE_BUCKET    = module.buckets.names["quarantine"]
      UPLOAD_BUCKET        = module.buckets.names["upload"]
    },
    var.model_bundle == null ? {} : { MODEL_BUNDLE = var.model_bundle },
  )
}

# ------------------------------------------------------------------------------------------------------- variables

variable "archive_classes" {
  description = "Steps of the archive to colder storage classes, such as [{ age = 90, storage_class = \"COLDLINE\" }]. Each costs an operation for each picture: docs/cost.md says from which size on it pays."
  type        = list(object({ age = number, storage_class = string }))
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for step in var.archive_classes : contains(["ARCHIVE", "COLDLINE", "NEARLINE"], step.storage_class) && step.age >= 1])
    error_message = "archive_classes is ${jsonencode(var.archive_classes)}, expected NEARLINE, COLDLINE or ARCHIVE, each after a day at least."
  }
}

variable "attestors" {
  description = "Who must have signed an image before Cloud Run starts it (Binary Authorization), such as projects/PROJECT/attestors/built-by-cloud-build; none: nobody is asked."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for name in var.attestors : can(regex("^projects/[^/]+/attestors/[^/]+$", name))])
    error_message = "attestors is ${jsonencode(var.attestors)}, expected each as projects/PROJECT/attestors/NAME."
  }
}

variable "bucket_names" {
  description = "Names of buckets, where PROJECT-archive, PROJECT-models, PROJECT-quarantine, PROJECT-reports and PROJECT-upload will not do."
  type = object({
    archive    = optional(string)
    models     = optional(string)
    quarantine = optional(string)
    reports    = optional(string)
    upload     = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = length(distinct([for role, name in var.bucket_names : coalesce(name, "${var.project}-${role}")])) == 5
    error_message = "One bucket has two roles: ${join(", ", [for role, name in var.bucket_names : "${role} is ${coalesce(name, "${var.project}-${role}")}"])}. Name five different ones, or an image would be classified again and again."
  }
}

variable "build_region" {
  description = "Where Cloud Build runs; null: where everything is. Some regions let a new project build nothing."
  type        = string
  default     = null
  validation {
    condition     = var.build_region == null ? true : can(regex("^[a-z]+-[a-z]+[0-9]+$", var.build_region))
    error_message = "build_region is \"${coalesce(var.build_region, "null")}\", expected a region in lower case, such as europe-west1."
  }
}

variable "classify_backlog" {
  description = "The job that takes what no event finished: size of a task, number of tasks, when (cron, UTC), longest run."
  type = object({
    cpu       = optional(number, 1)
    memory_mb = optional(number, 1024)
    schedule  = optional(string, "*/15 * * * *")
    tasks     = optional(number, 1)
    timeout_s = optional(number, 3600)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.classify_backlog.tasks >= 1 && var.classify_backlog.tasks <= 100
    error_message = "classify_backlog.tasks is ${var.classify_backlog.tasks}, expected 1 to 100: it limits what a run can cost."
  }
}

variable "classify_request" {
  description = "Size of the HTTPS function. Instances times their price is the most that a month can cost (docs/deployment.md)."
  type = object({
    concurrency   = optional(number, 8)
    cpu           = optional(number, 1)
    max_instances = optional(number, 4)
    memory_mb     = optional(number, 512)
    min_instances = optional(number, 0)
    timeout_s     = optional(number, 90)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.classify_request.concurrency >= 1 && var.classify_request.concurrency <= 16 && var.classify_request.memory_mb >= 512
    error_message = "classify_request has concurrency ${var.classify_request.concurrency} and memory_mb ${var.classify_request.memory_mb}, expected 1 to 16 and at least 512: tests/images/test_memory_limit.py measured no more."
  }
  validation {
    condition     = var.classify_request.max_instances >= 1 && var.classify_request.max_instances <= 100
    error_message = "classify_request.max_instances is ${var.classify_request.max_instances}, expected 1 to 100: it limits what a flood of images can cost."
  }
}

variable "classify_upload" {
  description = "Size of the event function. Instances times their price is the most that a month can cost (docs/deployment.md)."
  type = object({
    concurrency   = optional(number, 8)
    cpu           = optional(number, 1)
    max_instances = optional(number, 4)
    memory_mb     = optional(number, 512)
    min_instances = optional(number, 0)
    timeout_s     = optional(number, 120)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.classify_upload.concurrency >= 1 && var.classify_upload.concurrency <= 16 && var.classify_upload.memory_mb >= 512
    error_message = "classify_upload has concurrency ${var.classify_upload.concurrency} and memory_mb ${var.classify_upload.memory_mb}, expected 1 to 16 and at least 512: tests/images/test_memory_limit.py measured no more."
  }
  validation {
    condition     = var.classify_upload.max_instances >= 1 && var.classify_upload.max_instances <= 100
    error_message = "classify_upload.max_instances is ${var.classify_upload.max_instances}, expected 1 to 100: it limits what a flood of images can cost."
  }
}

variable "dataset" {
  description = "The BigQuery dataset."
  type        = string
  default     = "bucketlens"
  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.dataset))
    error_message = "dataset is \"${var.dataset}\", expected letters, digits and underscores."
  }
}

variable "deletion_protection" {
  description = "Whether buckets, tables and registry refuse to be destroyed. Set to false and apply before a destroy."
  type        = bool
  default     = true
}

variable "deploy_functions" {
  description = "Whether the functions are created. false is for the first apply, when there is no image yet."
  type        = bool
  default     = true
}

variable "domain" {
  description = "A host name for classify-request, with a managed certificate behind a load balancer; dns_zone is a Cloud DNS zone of this project that gets the record, if it should; calls_per_minute limits what an address may ask (Cloud Armor)."
  type = object({
    calls_per_minute = optional(number)
    dns_zone         = optional(string)
    name             = string
  })
  default = null
  validation {
    condition     = var.domain == null ? true : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name is \"${try(var.domain.name, "")}\", expected a host name such as images.example.com."
  }
}

variable "environment" {
  description = "test, preprod or prod; a label on everything."
  type        = string
  validation {
    condition     = terraform.workspace == var.environment
    error_message = "environment is \"${var.environment}\" and the workspace ${terraform.workspace}, whose state is of another one; type: terraform workspace select -or-create ${var.environment}"
  }
  validation {
    condition     = contains(["preprod", "prod", "test"], var.environment)
    error_message = "environment is \"${var.environment}\", expected test, preprod or prod."
  }
}

variable "iap_members" {
  description = "Who may open classify-request in a browser through Identity-Aware Proxy, such as group:team@example.com. IAP then guards every call: BigQuery's function classify is left out."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "image" {
  description = "What the functions are created from, by digest; null: the newest image that was built. It counts when they are created; afterwards the pipeline deploys."
  type        = string
  default     = null
  validation {
    condition     = var.image == null ? true : can(regex("^[a-z0-9.-]+/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is \"${coalesce(var.image, "null")}\", expected REGION-docker.pkg.dev/PROJECT/bucketlens/serving@sha256:… with 64 hex digits: a tag may be moved, a digest may not."
  }
}

variable "invokers" {
  description = "Who may call classify-request with a token, such as user:ada@example.com or serviceAccount:…"
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = length(setintersection(var.invokers, ["allAuthenticatedUsers", "allUsers"])) == 0
    error_message = "invokers names everybody; if that is meant, say public = true."
  }
}

variable "keep_days" {
  description = "Days that things are kept: what lies in quarantine, versions that were overwritten, what was deleted (0, or 7 to 90), reports, and rows (null: for ever)."
  type = object({
    deleted      = optional(number, 7)
    old_versions = optional(number, 30)
    quarantine   = optional(number, 90)
    reports      = optional(number, 400)
    rows         = optional(number)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.keep_days.deleted == 0 || (var.keep_days.deleted >= 7 && var.keep_days.deleted <= 90)
    error_message = "keep_days.deleted is ${var.keep_days.deleted}, expected 0, or 7 to 90: Cloud Storage's soft delete knows no other."
  }
}

variable "kept_buckets" {
  description = "Buckets that are not ours, which the job may classify with --keep, and leaves as they are."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "kms_key" {
  description = "A Cloud KMS key in the same region that encrypts buckets, dataset, registry and instances: projects/…/locations/…/keyRings/…/cryptoKeys/…"
  type        = string
  default     = null
  validation {
    condition     = var.kms_key == null ? true : can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key is \"${coalesce(var.kms_key, "null")}\", expected projects/…/locations/${var.region}/keyRings/…/cryptoKeys/…: a key encrypts only what lies in its region."
  }
}

variable "label_keys_secret" {
  description = "A secret of this project in Secret Manager, whose newest version holds LABEL_KEYS: with public = true, labels are taken only with what it signed. null: there is none."
  type        = string
  default     = null
  validation {
    condition     = var.label_keys_secret == null ? true : can(regex("^[A-Za-z0-9_-]{1,255}$", var.label_keys_secret))
    error_message = "label_keys_secret is \"${coalesce(var.label_keys_secret, "null")}\", expected the name of a secret, such as bucketlens-label-keys; its value does not belong here."
  }
}

variable "model_bundle" {
  description = "The models, with commas, each as PLACE, NAME=PLACE or NAME@canary=PLACE: a bundle that ships in the image, or gs://PROJECT-models/NAME or /models/NAME for a folder of the models bucket, downloaded or mounted. null: the default of the image."
  type        = string
  default     = null
  validation {
    condition = alltrue([
      for place in split(",", coalesce(var.model_bundle, "-")) :
      can(regex("^([A-Za-z0-9][A-Za-z0-9._-]*(@(stable|canary))?=)?([A-Za-z0-9_.-]+|(/models|gs://[a-z0-9][a-z0-9._-]+)(/[A-Za-z0-9_.-]+)+)$", trimspace(place)))
    ])
    error_message = "model_bundle is \"${coalesce(var.model_bundle, "null")}\", expected a bundle's name, /models/NAME or gs://BUCKET/NAME, each alone or as NAME=… or NAME@canary=…, with commas between them."
  }
}

variable "monitor" {
  description = "The job that judges what is served, and writes a report each week: its size and schedule (cron, UTC), who may read the reports, which show pictures, and its image, as `image`; null: nothing is judged."
  type = object({
    image   = optional(string)
    readers = optional(set(string), [])
    size = optional(object({
      cpu       = optional(number, 1)
      memory_mb = optional(number, 1024)
      schedule  = optional(string, "20 */6 * * *")
      timeout_s = optional(number, 1800)
    }), {})
  })
  default = {}
  validation {
    condition     = try(var.monitor.image, null) == null || can(regex("^[a-z0-9.-]+/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", try(var.monitor.image, "")))
    error_message = "monitor.image is \"${try(coalesce(var.monitor.image, "null"), "null")}\", expected REGION-docker.pkg.dev/PROJECT/bucketlens/operations@sha256:… with 64 hex digits: a tag may be moved, a digest may not."
  }
  validation {
    condition     = try(var.monitor.size.memory_mb, 512) >= 512
    error_message = "monitor.size.memory_mb is ${try(var.monitor.size.memory_mb, 0)}, expected at least 512."
  }
  validation {
    condition     = length(setintersection(try(var.monitor.readers, []), ["allAuthenticatedUsers", "allUsers"])) == 0
    error_message = "monitor.readers names everybody, and reports show pictures that people uploaded."
  }
}

variable "pipeline" {
  description = "Which repository is built and deployed by itself, and how far; null: by hand. docs/deployment.md says what must be there."
  type = object({
    approvers  = optional(set(string), [])
    branch     = optional(string)
    canary     = optional(object({ images = optional(number, 50), minutes = optional(number, 30), percent = optional(number, 10) }), {})
    connection = optional(string, "github")
    golden_set = optional(string)
    hands_to   = optional(string)
    rebuilds   = optional(string)
    remote_uri = optional(string)
    takes_from = optional(string)
    webhook = optional(object({
      commit = optional(string, "$(body.after)")
      ref    = optional(string, "$(body.ref)")
      secret = string
      token  = optional(string)
    }))
  })
  default = null
  validation {
    condition     = try(var.pipeline.branch, null) == null || can(regex("^https://[^/]+/.+[^/]$", try(var.pipeline.remote_uri, "")))
    error_message = "pipeline.branch is \"${try(coalesce(var.pipeline.branch, "null"), "null")}\" and remote_uri \"${try(coalesce(var.pipeline.remote_uri, "null"), "null")}\", expected https://github.com/OWNER/NAME.git: what is built comes from somewhere."
  }
  validation {
    condition     = try(var.pipeline.branch, null) == null || can(regex("^gs://[a-z0-9][a-z0-9._-]+[a-z0-9]/.+", try(var.pipeline.golden_set, "")))
    error_message = "pipeline.branch is \"${try(coalesce(var.pipeline.branch, "null"), "null")}\" and golden_set \"${try(coalesce(var.pipeline.golden_set, "null"), "null")}\", expected gs://BUCKET/FOLDER: what is built is tested with labelled pictures."
  }
  validation {
    condition     = var.environment != "prod" || try(var.pipeline.branch, null) == null
    error_message = "pipeline.branch is \"${try(coalesce(var.pipeline.branch, "null"), "null")}\" in prod, which builds nothing: it takes digests that were tested elsewhere (takes_from)."
  }
  validation {
    condition     = length(var.iap_members) == 0 || try(var.pipeline.branch, null) == null
    error_message = "pipeline.branch is named and iap_members are, expected one of the two: IAP turns the smoke test's request away."
  }
  validation {
    condition     = var.pipeline == null ? true : var.pipeline.canary.percent >= 1 && var.pipeline.canary.percent <= 50 && var.pipeline.canary.minutes >= 5 && var.pipeline.canary.minutes <= 180
    error_message = "pipeline.canary has percent ${try(var.pipeline.canary.percent, 0)} and minutes ${try(var.pipeline.canary.minutes, 0)}, expected 1 to 50 and 5 to 180."
  }
  validation {
    condition = alltrue([
      for secret in compact([try(var.pipeline.webhook.secret, null), try(var.pipeline.webhook.token, null)]) :
      can(regex("^projects/[^/]+/secrets/[^/]+/versions/[^/]+$", secret))
    ])
    error_message = "pipeline.webhook has secret and token ${jsonencode(compact([try(var.pipeline.webhook.secret, null), try(var.pipeline.webhook.token, null)]))}, expected each as projects/PROJECT/secrets/NAME/versions/1: the text itself belongs into Secret Manager."
  }
}

variable "project" {
  description = "The project's id. It holds this environment and nothing else."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is \"${var.project}\", expected a project id: 6 to 30 of a-z, 0-9 and dash, a letter first."
  }
}

variable "public" {
  description = "Whether everybody on the internet may call classify-request, at your cost."
  type        = bool
  default     = false
  validation {
    condition     = !(var.public && length(var.iap_members) > 0)
    error_message = "public is true and iap_members are named, expected one of the two: IAP asks everybody to sign in."
  }
}

variable "publishers" {
  description = "Who may publish models with `bucketlens bundle publish`, such as serviceAccount:trainer@…; they can replace and delete none."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "readable_buckets" {
  description = "Buckets that are not ours, of which callers may name objects by gs:// URI."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "readers" {
  description = "Who may query the dataset, such as group:analysts@example.com."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "region" {
  description = "Where everything is: an event's trigger must be where its bucket is, and BigQuery reads an archive beside it."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\", expected a region in lower case, such as europe-west1."
  }
}

variable "settings" {
  description = "More settings of the functions, by name as in docs/settings.md, such as { MAX_IMAGE_BYTES = \"5242880\" }."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = length(setintersection(keys(var.settings), local.decided_here)) == 0
    error_message = "settings names ${join(", ", setintersection(keys(var.settings), local.decided_here))}, which other variables decide."
  }
}

variable "uploaders" {
  description = "Who may drop images, such as group:team@example.com; they can read nothing back."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "wait_s" {
  description = "How long a new service account, grant or API is given to be known everywhere, before something needs it."
  type        = number
  default     = 60
  validation {
    condition     = var.wait_s >= 0 && var.wait_s <= 600
    error_message = "wait_s is ${var.wait_s}, expected 0 to 600."
  }
}

variable "watch" {
  description = "Who is told when something goes wrong, and from where on: emails, and notification channels that you made (Slack, PagerDuty, a webhook), of which urgent_channels hear only of what somebody should get up for. A budget where you have rights on the billing account."
  type = object({
    budget   = optional(object({ billing_account = string, currency = optional(string, "USD"), units = number }))
    channels = optional(set(string), [])
    emails   = optional(set(string), [])
    runbook  = optional(string)
    thresholds = optional(object({
      busy_instances   = optional(number, 3)
      busy_rate        = optional(number, 0.2)
      error_rate       = optional(number, 0.05)
      latency_p95_ms   = optional(number, 2000)
      monitor_silent_h = optional(number, 23)
      no_labels_days   = optional(number, 30)
      no_rows_h        = optional(number, 23)
      oldest_event_s   = optional(number, 1800)
      oldest_upload_s  = optional(number, 3600)
      quarantine_rate  = optional(number, 0.2)
      sweep_silent_h   = optional(number, 2)
      unfamiliar_share = optional(number, 0.1)
    }), {})
    urgent_channels = optional(set(string), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for hours in [for name in ["monitor_silent_h", "no_rows_h"] : var.watch.thresholds[name] == 0 ? 1 : var.watch.thresholds[name]] : hours >= 1 && hours <= 23]) && var.watch.thresholds.sweep_silent_h >= 1 && var.watch.thresholds.sweep_silent_h <= 23
    error_message = "watch.thresholds has monitor_silent_h ${var.watch.thresholds.monitor_silent_h}, no_rows_h ${var.watch.thresholds.no_rows_h} and sweep_silent_h ${var.watch.thresholds.sweep_silent_h}, expected 1 to 23 (the first two also 0, for no such alert): Cloud Monitoring looks back no further than a day."
  }
  validation {
    condition     = alltrue([for share in [var.watch.thresholds.busy_rate, var.watch.thresholds.error_rate, var.watch.thresholds.quarantine_rate, var.watch.thresholds.unfamiliar_share] : share > 0 && share < 1])
    error_message = "watch.thresholds has busy_rate ${var.watch.thresholds.busy_rate}, error_rate ${var.watch.thresholds.error_rate}, quarantine_rate ${var.watch.thresholds.quarantine_rate} and unfamiliar_share ${var.watch.thresholds.unfamiliar_share}, expected shares between 0 and 1."
  }
  validation {
    condition     = alltrue([for channel in setunion(var.watch.channels, var.watch.urgent_channels) : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "watch names the channels ${jsonencode(setunion(var.watch.channels, var.watch.urgent_channels))}, expected each as projects/PROJECT/notificationChannels/NUMBER: make them in the console, which asks Slack or PagerDuty for your consent."
  }
  validation {
    condition     = var.environment != "prod" || length(setunion(var.watch.channels, var.watch.emails)) > 0
    error_message = "watch names neither emails nor channels in prod, so nobody would be told when something goes wrong."
  }
}

# ------------------------------------------------------------------------------------------ outputs: what to type next

output "buckets" {
  description = "The buckets by role."
  value       = module.buckets.names
}

output "build" {
  description = "Builds the image and pushes it."
  value       = module.registry.build_command
}

output "call" {
  description = "Classifies a file over HTTPS."
  value       = var.deploy_functions ? "curl -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" --data-binary @photo.jpg ${local.url}/v1/classify" : "echo after the second apply"
}

output "domain_address" {
  description = "What the domain's A record must say, where no dns_zone was named."
  value       = one(module.domain[*].address)
}

output "drop" {
  description = "Uploads an image, which is classified by itself."
  value       = "gcloud storage cp photo.jpg gs://${module.buckets.names["upload"]}"
}

output "query" {
  description = "Shows the latest predictions."
  value       = "bq --project_id=${var.project} --location=${var.region} query --nouse_legacy_sql 'SELECT image.name, label, score FROM `${var.project}.${var.dataset}.latest_predictions` WHERE uploaded_on = CURRENT_DATE() ORDER BY uploaded_at DESC LIMIT 20'"
}

output "reports" {
  description = "Lists the reports of the job monitor."
  value       = var.monitor == null ? "echo monitor is null, so there are no reports" : "gcloud storage ls --long gs://${module.buckets.names["reports"]}"
}

output "sql" {
  description = "Classifies pictures of the archive from BigQuery."
  value       = local.has_sql_function ? "SELECT uri, `${var.project}.${var.dataset}.classify`(uri) FROM `${var.project}.${var.dataset}.archived_images` LIMIT 10" : "-- BigQuery has no function classify before the second apply, nor with iap_members"
}

output "url" {
  description = "Where classify-request answers."
  value       = var.deploy_functions ? local.url : "(after the second apply)"
}

output "webhook" {
  description = "What a Git host is told to call, where pipeline.webhook is set."
  value       = try(coalesce(module.pipeline[0].webhook), "(pipeline.webhook is not set)")
}

locals {
  url = var.domain != null ? "https://${var.domain.name}" : one(module.classify_request[*].url)
}
