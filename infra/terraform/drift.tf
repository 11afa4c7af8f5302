# Every morning what was released is planned again. A difference is something that somebody has changed past the
# pipeline, or that Google has: the build says which resources, and an alert that there are some.

resource "google_pubsub_topic" "drift" {
  name         = "drift"
  kms_key_name = google_kms_crypto_key.this["messages"].id

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_cloud_scheduler_job" "drift" {
  count = local.has_pipeline ? 1 : 0

  name      = "drift-daily"
  region    = var.region
  schedule  = "0 6 * * *"
  time_zone = module.manifest.contents.time_zone

  pubsub_target {
    topic_name = google_pubsub_topic.drift.id
    data       = base64encode("plan")
  }
}

resource "google_cloudbuild_trigger" "drift" {
  count = local.has_pipeline ? 1 : 0

  name            = "drift"
  description     = "Plans what was released last, and tells of every difference"
  location        = var.region
  service_account = google_service_account.planner.id

  pubsub_config {
    topic = google_pubsub_topic.drift.id
  }

  # Only drift.yaml is read from here. What is planned is the archive of the last release.
  source_to_build {
    uri       = local.repository_url
    ref       = "refs/heads/main"
    repo_type = "GITHUB"
  }
  git_file_source {
    path      = "infra/deploy/drift.yaml"
    uri       = local.repository_url
    revision  = "refs/heads/main"
    repo_type = "GITHUB"
  }

  substitutions = {
    _ENVIRONMENT     = var.environment
    _STATE_BUCKET    = var.state_bucket
    _PIPELINE_BUCKET = google_storage_bucket.pipeline.name
    _WORKER_POOL     = google_cloudbuild_worker_pool.release.id
  }
}

# Of the pipeline's archives the account that plans reads this one.
resource "google_storage_bucket_iam_member" "planner_reads_release" {
  bucket = google_storage_bucket.pipeline.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.planner.member

  condition {
    title      = "the last release only"
    expression = "resource.name == 'projects/_/buckets/${google_storage_bucket.pipeline.name}/objects/released.tar.gz'"
  }
}
