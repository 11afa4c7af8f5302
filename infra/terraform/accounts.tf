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
