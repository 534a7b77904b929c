# Who builds and deploys when. `build` runs cloudbuild.yaml for each push, in environments that build; `rebuild` does so once
# a month, with the newest base image; `promote` runs promote.yaml for each digest that is handed over, and waits for approval.
#
#     push ──build──► images ──► deployed here, smoke test ──digests──► topic of production ──promote──► approval, canary

locals {
  monitor = contains(keys(var.functions), "monitor") ? "yes" : ""

  # A folder in a bucket: gs://BUCKET/FOLDER.
  golden_bucket = var.golden_set == null ? null : regex("^gs://([^/]+)", var.golden_set)[0]
  builds        = var.branch != null
  is_github     = var.webhook == null

  # What images may come from: where they are built, which is here unless another environment hands over.
  source = var.takes_from == null ? var.registry : replace(var.registry, "/${var.project}/", "/${var.takes_from}/")
  digest = "@sha256:[0-9a-f]{64}$"
  within = "^${replace(local.source, ".", "[.]")}"

  # A revision on trial has a URL of its own (https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration#tags),
  # which a load balancer or IAP would turn the pipeline away from.
  trial_url = var.url == null ? "" : "https://challenger---${trimprefix(var.url, "https://")}"

  of_a_build = {
    _DATASET       = var.dataset
    _GOLDEN_SET    = var.golden_set == null ? "" : var.golden_set
    _MONITOR       = local.monitor
    _REGION        = var.region
    _REGISTRY      = var.registry
    _TOPIC         = var.hands_to == null ? "" : "projects/${var.hands_to}/topics/releases"
    _UPLOAD_BUCKET = var.upload_bucket
    _URL           = var.domain_url == null ? "" : var.domain_url
  }

  # From any Git host the build itself fetches the commit, which a webhook names.
  by_webhook  = yamldecode(replace(file("${path.module}/../../cloudbuild.yaml"), "$COMMIT_SHA", "$_COMMIT"))
  promotion   = yamldecode(file("${path.module}/promote.yaml"))
  of_a_commit = { _COMMIT = "", _REF = "refs/heads/${coalesce(var.rebuilds, "main")}", _REMOTE = var.remote_uri }

  fetch = {
    id        = "fetch"
    name      = "gcr.io/cloud-builders/git"
    env       = ["COMMIT=$_COMMIT", "REF=$_REF", "REMOTE=$_REMOTE"]
    script    = file("${path.module}/fetch.sh")
    secretEnv = try(var.webhook.token, null) == null ? [] : ["GIT_TOKEN"]
  }

  # Scripts that run before anything was fetched or taken are part of the trigger, as Terraform applied them.
  scripts = { verify = file("${path.module}/verify.py") }

  triggers = merge(
    local.builds ? {
      build = {
        description   = "A push to ${var.branch}: test, build, push, deploy, smoke test, hand over."
        filter        = local.is_github ? null : "_REF.matches(\"^refs/heads/${trimprefix(var.branch, "^")}\")"
        inline        = local.is_github ? null : merge(local.by_webhook, { steps = concat([local.fetch], local.by_webhook.steps) })
        substitutions = merge(local.of_a_build, local.is_github ? {} : merge(local.of_a_commit, { _COMMIT = var.webhook.commit, _REF = var.webhook.ref }))
        topic         = null
      }
    } : {},
    local.builds && var.rebuilds != null ? {
      rebuild = {
        description   = "Once a month: as a push, with the newest base image."
        filter        = null
        inline        = local.is_github ? null : merge(local.by_webhook, { steps = concat([local.fetch], local.by_webhook.steps) })
        substitutions = merge(local.of_a_build, { _RENEW = "yes" }, local.is_github ? {} : local.of_a_commit)
        topic         = one(google_pubsub_topic.rebuilds[*].id)
      }
    } : {},
    {
      promote = {
        description = "Digests were handed over: once approved, verify, canary, check, promote or roll back."
        # What is no digest of the one place does not even wait for approval.
        filter = "_HANDED.matches(\"${local.within}/serving${local.digest}\") && _OPERATIONS.matches(\"${local.within}/operations${local.digest}\") && _TOOLS.matches(\"${local.within}/pipeline${local.digest}\")"
        inline = local.promotion
        substitutions = {
          _AUDIENCE       = var.url == null ? "" : var.url
          _CANARY_IMAGES  = tostring(var.canary.images)
          _CANARY_MINUTES = tostring(var.canary.minutes)
          _CANARY_PERCENT = tostring(var.canary.percent)
          _COMMIT         = "$(body.message.data.commit)"
          _DATASET        = var.dataset
          _GOLDEN_SET     = var.golden_set == null ? "" : var.golden_set
          _HANDED         = "$(body.message.data.image)"
          _MONITOR        = local.monitor
          _OPERATIONS     = "$(body.message.data.operations)"
          _REGION         = var.region
          _REGISTRY       = var.registry
          _SOURCE         = local.source
          _TOOLS          = "$(body.message.data.tools)"
          _TRIAL_URL      = local.trial_url
        }
        topic = google_pubsub_topic.releases.id
      }
    },
  )
}

resource "google_cloudbuildv2_repository" "source" {
  count             = local.builds && local.is_github ? 1 : 0
  project           = var.project
  name              = "bucketlens"
  location          = var.build_region
  parent_connection = var.connection
  remote_uri        = var.remote_uri
}

resource "google_cloudbuild_trigger" "trigger" {
  for_each        = local.triggers
  project         = var.project
  name            = each.key
  description     = each.value.description
  location        = var.build_region
  service_account = var.identity.name
  filter          = each.value.filter
  filename        = each.key == "build" && local.is_github ? "cloudbuild.yaml" : null
  substitutions   = each.value.substitutions

  dynamic "approval_config" {
    for_each = each.key == "promote" ? [true] : []
    content {
      approval_required = approval_config.value
    }
  }

  dynamic "repository_event_config" {
    for_each = each.key == "build" ? google_cloudbuildv2_repository.source : []
    content {
      repository = repository_event_config.value.id
      push {
        branch = var.branch
      }
    }
  }

  dynamic "webhook_config" {
    for_each = each.key == "build" && !local.is_github ? [var.webhook.secret] : []
    content {
      secret = webhook_config.value
    }
  }

  dynamic "pubsub_config" {
    for_each = each.value.topic == null ? [] : [each.value.topic]
    content {
      topic = pubsub_config.value
    }
  }

  dynamic "source_to_build" {
    for_each = each.key == "rebuild" ? google_cloudbuildv2_repository.source : []
    content {
      repository = source_to_build.value.id
      ref        = local.of_a_commit._REF
      repo_type  = "GITHUB"
    }
  }

  dynamic "git_file_source" {
    for_each = each.key == "rebuild" ? google_cloudbuildv2_repository.source : []
    content {
      repository = git_file_source.value.id
      path       = "cloudbuild.yaml"
      revision   = local.of_a_commit._REF
      repo_type  = "GITHUB"
    }
  }

  dynamic "build" {
    for_each = each.value.inline == null ? [] : [each.value.inline]
    content {
      images        = try(build.value.images, null)
      substitutions = { for name, value in build.value.substitutions : name => value if !contains(keys(each.value.substitutions), name) }
      timeout       = build.value.timeout

      dynamic "step" {
        for_each = build.value.steps
        content {
          id         = step.value.id
          name       = step.value.name
          entrypoint = contains(keys(local.scripts), step.value.id) ? null : try(step.value.entrypoint, null)
          args       = contains(keys(local.scripts), step.value.id) ? null : try(step.value.args, null)
          script     = try(local.scripts[step.value.id], step.value.script, null)
          env        = try(step.value.env, null)
          secret_env = try(step.value.secretEnv, null)
          wait_for   = try(step.value.waitFor, null)
        }
      }

      options {
        logging                 = build.value.options.logging
        machine_type            = try(build.value.options.machineType, null)
        requested_verify_option = try(build.value.options.requestedVerifyOption, null)
      }

      dynamic "available_secrets" {
        for_each = each.key != "promote" && try(var.webhook.token, null) != null ? [var.webhook.token] : []
        content {
          secret_manager {
            env          = "GIT_TOKEN"
            version_name = available_secrets.value
          }
        }
      }
    }
  }

  # A trigger works only if its account may do all that its build does.
  depends_on = [time_sleep.grants_are_known]
}

# An apply from before triggers were one resource finds them again.
moved {
  from = google_cloudbuild_trigger.build[0]
  to   = google_cloudbuild_trigger.trigger["build"]
}

moved {
  from = google_cloudbuild_trigger.promote
  to   = google_cloudbuild_trigger.trigger["promote"]
}

moved {
  from = google_cloudbuildv2_repository.source
  to   = google_cloudbuildv2_repository.source[0]
}

# Who may publish here proposes digests, and can do nothing else.
resource "google_pubsub_topic" "releases" {
  project = var.project
  name    = "releases"
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "rebuilds" {
  count   = local.builds && var.rebuilds != null ? 1 : 0
  project = var.project
  name    = "rebuilds"
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

# The base image is patched between releases, too.
resource "google_cloud_scheduler_job" "rebuild" {
  count       = length(google_pubsub_topic.rebuilds)
  project     = var.project
  name        = "rebuild"
  region      = var.region
  description = "Builds ${var.rebuilds} anew, with the newest base image."
  schedule    = "0 6 1 * *"
  time_zone   = "Etc/UTC"
  pubsub_target {
    topic_name = google_pubsub_topic.rebuilds[0].id
    data       = base64encode("{}")
  }
}
