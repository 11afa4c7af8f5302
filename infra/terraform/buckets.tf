# The product's files. Everything is private but `media` and `queue`, which the load balancer serves to everybody.

locals {
  public_buckets = toset(["media", "queue"])

  # What is replaced every few seconds: old versions would be the most of it, and nobody wants them.
  fleeting_buckets = toset(["queue"])

  # Days until an object is moved to where keeping is cheap and reading is not: a ticket is read until its event is over.
  archived_after_days = { tickets = 400 }
}

resource "google_storage_bucket" "product" {
  # checkov:skip=CKV_GCP_62:Access is in the audit log (logging.tf), which has data access switched on for storage
  # checkov:skip=CKV_GCP_63:as CKV_GCP_62: there is no log bucket that could be this one
  # checkov:skip=CKV_GCP_78:Versions are kept of all but queue, whose pages are replaced every few seconds
  # checkov:skip=CKV_GCP_114:Enforced for all but media and queue, which the CDN's backend buckets can only fetch as everybody does
  for_each = module.manifest.contents.buckets

  name                        = "${var.project_id}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = contains(local.public_buckets, each.key) ? "inherited" : "enforced"

  versioning {
    enabled = !contains(local.fleeting_buckets, each.key)
  }

  # Versions keep what is deleted for 30 days (below); soft delete would keep those for as long again, and docs/data-map.md
  # promises people that it is gone.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.this["storage"].id
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }

  dynamic "lifecycle_rule" {
    for_each = contains(local.fleeting_buckets, each.key) ? [30] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value # days since it was replaced last
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = { for name, days in local.archived_after_days : name => days if name == each.key }
    content {
      action {
        type          = "SetStorageClass"
        storage_class = "ARCHIVE"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

# A new bucket lets everybody read who may view the project, and that is what a pull request is planned as. Owners and
# editors keep what they have by another role (legacyObjectOwner); names and sizes may still be seen (legacyBucketReader),
# which a plan needs.
resource "google_storage_bucket_iam_binding" "no_viewers" {
  for_each = merge(
    { for name, bucket in google_storage_bucket.product : name => bucket.name if !contains(local.public_buckets, name) },
    { pipeline = google_storage_bucket.pipeline.name },
  )

  bucket  = each.value
  role    = "roles/storage.legacyObjectReader"
  members = ["projectOwner:${var.project_id}"]
}

# Reading an object whose name is known, not listing them: for an unknown name Google says 403 (url_map.tf).
resource "google_storage_bucket_iam_member" "everybody_reads" {
  # checkov:skip=CKV_GCP_28:Banners, posters and waiting rooms are shown to everybody
  for_each = setintersection(local.public_buckets, module.manifest.contents.buckets)

  bucket = google_storage_bucket.product[each.key].name
  role   = "roles/storage.legacyObjectReader"
  member = "allUsers"
}

# What people and programs read at an address that nobody serves (url_map.tf).
resource "google_storage_bucket_object" "not_found" {
  for_each = { "not-found.html" = "text/html; charset=utf-8", "not-found.json" = "application/problem+json" }

  bucket        = google_storage_bucket.product["media"].name
  name          = each.key
  content       = file("${path.module}/pages/${each.key}")
  content_type  = each.value
  cache_control = "public, max-age=300"
}
