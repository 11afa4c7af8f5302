# A private network for one purpose: functions reach the database through it. Calls to gateways leave directly.

resource "google_compute_network" "main" {
  name                    = "main"
  auto_create_subnetworks = false

  depends_on = [google_project_service.this]
}

# Cloud Run takes about two addresses an instance, twice that while revisions are replaced: room for 500 instances.
resource "google_compute_subnetwork" "functions" {
  name                     = "functions"
  network                  = google_compute_network.main.id
  region                   = var.region
  ip_cidr_range            = "10.10.0.0/21"
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }
}

# Nothing in here is called from outside; said explicitly, so that a rule added one day stands out.
resource "google_compute_firewall" "no_ingress" {
  name      = "no-ingress"
  network   = google_compute_network.main.id
  direction = "INGRESS"
  priority  = 65534

  source_ranges = ["0.0.0.0/0"]
  deny {
    protocol = "all"
  }
}

# Cloud SQL and the pipeline's machines live in Google's network, peered to ours.
resource "google_compute_global_address" "services" {
  name          = "services"
  network       = google_compute_network.main.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}
