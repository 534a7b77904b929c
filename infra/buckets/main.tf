# The buckets. Old versions, reports and what lies in quarantine expire; pictures in the archive stay.

locals {
  day_s = 24 * 60 * 60

  # An upload that was overwritten before it was read can still be read by its generation: hence versions.
  versioned = toset(["models", "upload"])

  expire_old_versions = { type = "Delete", days_since_noncurrent_time = var.keep_days.old_versions }

  rules = {
    # A step to a colder class is an operation for each picture, at the price of the colder class: for pictures of less
    # than some 0.5 MB it costs more than it saves (docs/cost.md), so none is made unless somebody asks for it.
    archive = [
      for step in var.archive_classes : { type = "SetStorageClass", storage_class = step.storage_class, age = step.age }
    ]
    models = [local.expire_old_versions]
    quarantine = [
      { type = "Delete", age = var.keep_days.quarantine },
      # The sweep removes its markers; one that a kill left behind has done its work after a week.
      { type = "Delete", age = 7, matches_prefix = ["attempts/"] },
    ]
    reports = [{ type = "Delete", age = var.keep_days.reports }]
    upload  = [local.expire_old_versions]
  }
}

resource "google_storage_bucket" "bucket" {
  for_each                    = var.names
  name                        = each.value
  location                    = var.region
  deletion_policy             = var.deletion_protection ? "PREVENT" : "DELETE"
  force_destroy               = !var.deletion_protection
  labels                      = { role = each.key }
  public_access_prevention    = "enforced"
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true

  soft_delete_policy {
    retention_duration_seconds = var.keep_days.deleted * local.day_s
  }

  versioning {
    enabled = contains(local.versioned, each.key)
  }

  dynamic "lifecycle_rule" {
    for_each = local.rules[each.key]
    content {
      action {
        type          = lifecycle_rule.value.type
        storage_class = try(lifecycle_rule.value.storage_class, null)
      }
      condition {
        age                        = try(lifecycle_rule.value.age, null)
        days_since_noncurrent_time = try(lifecycle_rule.value.days_since_noncurrent_time, null)
        matches_prefix             = try(lifecycle_rule.value.matches_prefix, null)
        with_state                 = can(lifecycle_rule.value.days_since_noncurrent_time) ? "ARCHIVED" : "ANY"
      }
    }
  }

  # A large upload that broke off is paid for until somebody removes its parts.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }
}
