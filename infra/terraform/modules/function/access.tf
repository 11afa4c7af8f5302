# Who may call it.

# All who may, so that somebody who was let in by hand is a difference of the next plan (drift.tf looks each morning), and
# gone with its apply. Cloud Run checks IAM behind the load balancer too, which adds no identity of its own.
resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  # checkov:skip=CKV_GCP_102:The API is public; ingress admits the load balancer only, with Cloud Armor in front
  name     = google_cloud_run_v2_service.this.name
  location = var.region
  role     = "roles/run.invoker"
  members  = compact([var.is_public ? "allUsers" : "", var.is_called ? var.invoker : ""])
}
