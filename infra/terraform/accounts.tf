# Who acts. Every function has an account of its own (modules/function); these are the others.

# What Pub/Sub, Cloud Tasks and Scheduler present themselves as: the only caller internal functions accept, twice
# (Cloud Run's IAM, and shared/web/deliveries.py).
resource "google_service_account" "invoker" {
  account_id   = "invoker"
  display_name = "Delivers messages, tasks and jobs to functions"
}

# Pub/Sub signs its pushes as the invoker.
resource "google_service_account_iam_member" "pubsub_signs_as_invoker" {
  service_account_id = google_service_account.invoker.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

# What turns the source into an image. The default account has no rights in new organizations, and too many in old ones.
resource "google_service_account" "builder" {
  account_id   = "builder"
  display_name = "Builds the functions' images"
}

resource "google_project_iam_member" "builder_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.builder.member
}

resource "google_storage_bucket_iam_member" "builder_reads_source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.builder.member
}

# Cloud Functions copies the archive into a bucket of its own, and the build fetches it from there
# (terraform-provider-google#20571). The first function makes that bucket.
resource "google_project_iam_member" "builder_reads_copies" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title      = "sources of functions only"
    expression = "resource.name.startsWith('projects/_/buckets/gcf-v2-sources-${var.project_number}-')"
  }
}

resource "google_artifact_registry_repository_iam_member" "builder_writes_images" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}
