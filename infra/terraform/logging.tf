# Who did what in the cloud, and where logs are kept: in the region, for 90 days (DP-003).

resource "google_project_iam_audit_config" "all" {
  project = var.project_id
  service = "allServices"

  dynamic "audit_log_config" {
    for_each = toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    content {
      log_type = audit_log_config.key
    }
  }
}

locals {
  # Bucket to what goes there. What Google calls _Required (who changed the cloud) it keeps for 400 days itself.
  log_buckets = {
    product = "resource.type=(\"cloud_run_revision\" OR \"http_load_balancer\" OR \"cloudsql_database\" OR \"cloud_tasks_queue\" OR \"cloud_scheduler_job\") AND NOT log_id(\"cloudaudit.googleapis.com/data_access\")"
    audit   = "log_id(\"cloudaudit.googleapis.com/data_access\") OR log_id(\"cloudaudit.googleapis.com/activity\")"
  }
}

resource "google_logging_project_bucket_config" "this" {
  for_each = local.log_buckets

  project        = var.project_id
  location       = var.region
  bucket_id      = each.key
  retention_days = 90

  depends_on = [google_project_service.this]
}

resource "google_logging_project_sink" "this" {
  for_each = local.log_buckets

  name                   = each.key
  filter                 = each.value
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.this[each.key].id}"
  unique_writer_identity = true # a bucket of the same project needs no further grant
}

# Not stored a second time, and outside the region, in the bucket every project has.
resource "google_logging_project_exclusion" "kept_elsewhere" {
  for_each = local.log_buckets

  name        = "kept-in-${each.key}"
  description = "Goes to the bucket ${each.key} in ${var.region}"
  filter      = each.value
}
