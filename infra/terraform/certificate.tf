# The domain's certificate. Proven by a DNS record and not by traffic, so that it exists before the domain points here.

resource "google_certificate_manager_dns_authorization" "main" {
  name   = "main"
  domain = var.domain

  depends_on = [google_project_service.this]
}

resource "google_certificate_manager_certificate" "main" {
  name = "main"

  managed {
    domains            = [var.domain]
    dns_authorizations = [google_certificate_manager_dns_authorization.main.id]
  }
}

resource "google_certificate_manager_certificate_map" "main" {
  name = "main"

  depends_on = [google_project_service.this]
}

resource "google_certificate_manager_certificate_map_entry" "main" {
  name         = "main"
  map          = google_certificate_manager_certificate_map.main.name
  hostname     = var.domain
  certificates = [google_certificate_manager_certificate.main.id]
}
