# Runners of the Git host plan a pull request without a key: they bring the host's own token. Only tokens for pull
# requests of this repository are believed (the host gives none to forks). Whoever opens one decides what runs there,
# so this account reads and does nothing else: it can't ask for a release, nor add to one.

locals {
  pull_requests = "repo:${coalesce(var.repository, "none")}:pull_request"
}

resource "google_service_account" "reviewer" {
  account_id   = "pipeline-review"
  display_name = "Plans pull requests"
}

resource "google_project_iam_member" "reviewer" {
  # checkov:skip=CKV_GCP_117:A plan reads everything there is; viewer reads no secret's value and no ticket (buckets.tf); Firestore's documents it may, which are public pages and counts
  for_each = local.reading_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.reviewer.member
}

resource "google_storage_bucket_iam_member" "reviewer_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer" # it plans with -lock=false
  member = google_service_account.reviewer.member
}

resource "google_iam_workload_identity_pool" "git_host" {
  count = local.has_pipeline ? 1 : 0

  workload_identity_pool_id = "git-host"
  display_name              = "Runners of the Git host"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = local.has_pipeline ? 1 : 0

  workload_identity_pool_id          = google_iam_workload_identity_pool.git_host[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.sub == '${local.pull_requests}'"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "git_host_reviews" {
  count = local.has_pipeline ? 1 : 0

  service_account_id = google_service_account.reviewer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.git_host[0].name}/subject/${local.pull_requests}"
}
