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
  data_access = "log_id(\"cloudaudit.googleapis.com/data_access\")"

  # Bucket to what goes there. Who changed the cloud Google keeps for 400 days by itself.
  log_buckets = {
    product = "resource.type=(\"cloud_run_revision\" OR \"http_load_balancer\" OR \"cloudsql_database\" OR \"cloud_tasks_queue\" OR \"cloud_scheduler_job\") AND NOT ${local.data_access}"
    audit   = local.data_access
  }

  # What the product does with every request says nothing about people's doings, and would be most of the bill.
  chatter = "protoPayload.serviceName=(\"firestore.googleapis.com\" OR \"pubsub.googleapis.com\" OR \"cloudtasks.googleapis.com\")"
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

  exclusions {
    name   = "chatter"
    filter = "${local.data_access} AND ${local.chatter}"
  }
}

# Not stored a second time, and outside the region, in the bucket every project has.
resource "google_logging_project_exclusion" "kept_elsewhere" {
  for_each = local.log_buckets

  name        = "kept-in-${each.key}"
  description = "Goes to the bucket ${each.key} in ${var.region}"
  filter      = each.value
}
