# Asks new revisions at their tagged addresses before anybody is sent there (infra/deploy/candidate_checks.py): what runs inside the
# project passes the ingress of functions, and the pipeline's machines don't.

resource "google_service_account" "smoke" {
  account_id   = "smoke"
  display_name = "Asks new revisions of public functions; may do nothing that a stranger may not"
}

resource "google_workflows_workflow" "smoke" {
  name                = "smoke"
  description         = "Asks a list of addresses, and says how each has answered"
  region              = var.region
  service_account     = google_service_account.smoke.id
  source_contents     = file("${local.root}/infra/deploy/smoke.workflow.yaml")
  deletion_protection = false # it holds nothing

  depends_on = [google_project_service.this]
}
