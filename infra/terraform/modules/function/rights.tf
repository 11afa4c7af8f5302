# What it may do: each right on one thing, and only what the manifest lists.

locals {
  database_roles = toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"])
  instances      = [for name in concat([var.database], var.replicas) : "resource.name == 'projects/${var.project_id}/instances/${name}'"]

  # Files are neither overwritten nor deleted, but by the few that take away what belonged to a deleted account.
  object_roles = toset(var.deletes_files ? ["roles/storage.objectUser"] : ["roles/storage.objectViewer", "roles/storage.objectCreator"])

  bucket_rights = merge([
    for name, bucket in var.buckets : { for role in local.object_roles : "${name} ${role}" => { bucket = bucket, role = role } }
  ]...)
}

resource "google_project_iam_member" "database" {
  for_each = local.database_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.this.member

  condition {
    title      = "this instance only"
    expression = "resource.service == 'sqladmin.googleapis.com' && (${join(" || ", local.instances)})"
  }
}

# The login. Its rights inside come from the role karcis_app, which a migration makes: see README.md.
resource "google_sql_user" "this" {
  instance = var.database
  name     = trimsuffix(google_service_account.this.email, ".gserviceaccount.com")
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"
}

# Counters of callers' requests (SEC-003), which only functions with callers keep, and the shared cache.
resource "google_project_iam_member" "firestore" {
  count = var.is_public || var.shares_cache ? 1 : 0

  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.this.member
}

# Its spans (shared/cloud/tracing.py).
resource "google_project_iam_member" "traces" {
  project = var.project_id
  role    = "roles/telemetry.tracesWriter"
  member  = google_service_account.this.member
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each = var.secrets

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.topics

  topic  = each.value
  role   = "roles/pubsub.publisher"
  member = google_service_account.this.member
}

resource "google_pubsub_subscription_iam_member" "collects" {
  for_each = var.dead_letters

  subscription = each.value
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.this.member
}

resource "google_storage_bucket_iam_member" "uses" {
  for_each = local.bucket_rights

  bucket = each.value.bucket
  role   = each.value.role
  member = google_service_account.this.member
}

resource "google_cloud_tasks_queue_iam_member" "enqueues" {
  for_each = var.queues

  name     = each.value
  location = var.region
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.this.member
}

# Workflows have no policy of their own: who may start one may start each, which does no harm (prewarm.tf, exports.tf, smoke.tf).
resource "google_project_iam_member" "starts_workflows" {
  count = length(var.workflows) > 0 ? 1 : 0

  project = var.project_id
  role    = "roles/workflows.invoker"
  member  = google_service_account.this.member
}

# A task is delivered in the invoker's name: whoever adds one must be allowed to say so.
resource "google_service_account_iam_member" "acts_as_invoker" {
  count = length(var.queues) > 0 ? 1 : 0

  service_account_id = var.task_identity
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.this.member
}
