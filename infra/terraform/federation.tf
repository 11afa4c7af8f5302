# Runners of the Git host plan a pull request as `pipeline-plan`, without a key: they bring the host's own token. Only
# tokens for pull requests of this repository are believed (the host gives none to forks), and nobody outside Cloud
# Build can be `pipeline-release`.

locals {
  pull_requests = "repo:${coalesce(var.repository, "none")}:pull_request"
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

resource "google_service_account_iam_member" "git_host_plans" {
  count = local.has_pipeline ? 1 : 0

  service_account_id = google_service_account.planner.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.git_host[0].name}/subject/${local.pull_requests}"
}
