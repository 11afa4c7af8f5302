# Who may call it.

# Cloud Run checks IAM behind the load balancer too, which adds no identity of its own.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  # checkov:skip=CKV_GCP_102:The API is public; ingress admits the load balancer only, with Cloud Armor in front
  count = var.is_public ? 1 : 0

  name     = google_cloud_run_v2_service.this.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  count = var.is_called ? 1 : 0

  name     = google_cloud_run_v2_service.this.name
  location = var.region
  role     = "roles/run.invoker"
  member   = var.invoker
}
