# What must survive the loss of a whole project: another project, another region, other people. Nothing in here depends
# on the project that is lost, and nobody there can read, change or delete what it has put here.

locals {
  day = 24 * 60 * 60

  # Bucket to how long nothing in it can be deleted, when it is, and who may add to it.
  buckets = {
    exports = {
      retention_days = var.retention_days
      deleted_after  = var.retention_days + 1
      class          = "NEARLINE" # read in a disaster and in a rehearsal
      writers        = var.export_writers
      writer_role    = var.export_writer_role
    }
    escrow = { # the newest is needed for as long as there are tickets, so nothing is deleted by its age
      retention_days = 400
      deleted_after  = null
      class          = "STANDARD"
      writers        = var.escrow_writers
      writer_role    = "roles/storage.objectCreator"
    }
  }
}

resource "google_project_service" "this" {
  for_each = toset(["iam.googleapis.com", "logging.googleapis.com", "monitoring.googleapis.com", "storage.googleapis.com"])

  service            = each.key
  disable_on_destroy = false
}

# Under Google's own keys, on purpose: a key of the lost project may be lost with it, and one of this project would be a
# second way to destroy what the lock protects, by whoever may destroy keys. What people must not read in an export is
# encrypted by the product before it is stored; what is in escrow is encrypted for its custodians.
resource "google_storage_bucket" "this" {
  # checkov:skip=CKV_GCP_62:Access is in this project's audit log, which has data access switched on for storage
  # checkov:skip=CKV_GCP_63:as CKV_GCP_62: there is no log bucket that could be this one
  # checkov:skip=CKV_GCP_78:Nothing is ever overwritten: the locked retention forbids it
  for_each = local.buckets

  name                        = "${var.project_id}-${each.key}"
  location                    = var.region
  storage_class               = each.value.class
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Locked: nobody, Google's support included, can shorten it or delete an object before its time. The bucket and its
  # project can't be deleted either as long as there is one.
  retention_policy {
    retention_period = each.value.retention_days * local.day
    is_locked        = true
  }

  # What is deleted after its time is gone: docs/data-map.md promises that to people.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.deleted_after == null ? [] : [each.value.deleted_after]
    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.this]
}

# Whoever adds can neither read nor replace.
resource "google_storage_bucket_iam_binding" "writers" {
  for_each = { for name, bucket in local.buckets : name => bucket if length(bucket.writers) > 0 }

  bucket  = google_storage_bucket.this[each.key].name
  role    = each.value.writer_role
  members = each.value.writers
}

# Break glass: the only people who read, and each time it is told (alerts.tf).
resource "google_storage_bucket_iam_binding" "readers" {
  for_each = local.buckets

  bucket  = google_storage_bucket.this[each.key].name
  role    = "roles/storage.objectViewer"
  members = [var.break_glass_group]
}

# A new bucket lets everybody read who may view its project.
resource "google_storage_bucket_iam_binding" "no_viewers" {
  for_each = local.buckets

  bucket  = google_storage_bucket.this[each.key].name
  role    = "roles/storage.legacyObjectReader"
  members = ["projectOwner:${var.project_id}"]
}

resource "google_project_iam_audit_config" "storage" {
  project = var.project_id
  service = "storage.googleapis.com"

  dynamic "audit_log_config" {
    for_each = toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    content {
      log_type = audit_log_config.key
    }
  }
}
