# Every night the whole database goes out of this project and this region, to where nobody here can touch it
# (modules/vault). Cloud Scheduler starts a workflow, as a request that Scheduler could send itself can't name an object
# by its date, and the workflow waits for the end and fails where the export does.

locals {
  exports = var.vault == null ? toset([]) : toset(["nightly"])
}

# The right to export, and to see how it goes. No right on a bucket: the instance writes as its own account.
resource "google_service_account" "exporter" {
  account_id   = "exporter"
  display_name = "Starts the nightly export of the database"
}

resource "google_project_iam_custom_role" "exporter" {
  role_id     = "databaseExporter"
  title       = "Exports the database"
  permissions = ["cloudsql.instances.export", "cloudsql.instances.get"]
}

resource "google_project_iam_member" "exporter" {
  for_each = {
    exports = google_project_iam_custom_role.exporter.name
    starts  = "roles/workflows.invoker"
    logs    = "roles/logging.logWriter"
  }

  project = var.project_id
  role    = each.value
  member  = google_service_account.exporter.member
}

resource "google_workflows_workflow" "export" {
  for_each = local.exports

  name                = "export"
  region              = var.region
  description         = "Exports the database into the vault"
  service_account     = google_service_account.exporter.id
  source_contents     = file("${local.root}/infra/deploy/export.workflow.yaml")
  call_log_level      = "LOG_ERRORS_ONLY"
  deletion_protection = false # it holds nothing

  user_env_vars = {
    INSTANCE = google_sql_database_instance.main.name
    DATABASE = google_sql_database.main.name
    BUCKET   = var.vault.exports_bucket
  }

  depends_on = [google_project_service.this]
}

resource "google_cloud_scheduler_job" "export" {
  for_each = local.exports

  name             = "export-${each.key}"
  region           = var.region
  schedule         = "30 4 * * *" # after the backup and the maintenance, before the day
  time_zone        = module.manifest.contents.time_zone
  attempt_deadline = "60s" # it only starts

  retry_config {
    retry_count          = 3 # two exports of one night are two objects
    min_backoff_duration = "60s"
    max_backoff_duration = "600s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://workflowexecutions.googleapis.com/v1/${google_workflows_workflow.export[each.key].id}/executions"
    oauth_token {
      service_account_email = google_service_account.exporter.email
    }
  }
}
