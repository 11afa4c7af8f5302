# One address for everything: HTTPS, with a backend for each public function, so that each has its own policy,
# cache and metrics under its own name.

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.public_functions

  name                  = each.value.service_name
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run { # a function of the second generation is a Cloud Run service; cloud_function is for the first
    service = module.function[each.key].name
  }
}

resource "google_compute_backend_service" "function" {
  for_each = local.public_functions

  name                  = each.value.service_name
  description           = each.value.summary
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  compression_mode      = contains(["cached", "pages"], each.value.edge) ? "AUTOMATIC" : "DISABLED"
  enable_cdn            = contains(["cached", "pages"], each.value.edge)
  security_policy       = google_compute_security_policy.this[local.edge_policies[each.value.edge]].id
  # timeout_sec stays unset: an endpoint group of this kind refuses it. The function's own time-out counts.

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }

  # The functions decide what may be kept and how long (shared/web/caching.py); nothing else is.
  dynamic "cdn_policy" {
    for_each = contains(["cached", "pages"], each.value.edge) ? [true] : []
    content {
      cache_mode         = "USE_ORIGIN_HEADERS"
      request_coalescing = true # a herd is one request to the function
      serve_while_stale  = 60

      cache_key_policy {
        include_host         = true
        include_protocol     = true
        include_query_string = true
      }
      # Whoever is signed in may see more than everybody of an API's answer, and what they have just done. The session's
      # are our only cookies. A page is public for everybody alike or kept nowhere, so no cookie bypasses the CDN there.
      dynamic "bypass_cache_on_request_headers" {
        for_each = each.value.edge == "cached" ? ["Authorization", "Cookie"] : []
        content {
          header_name = bypass_cache_on_request_headers.value
        }
      }
    }
  }

  log_config {
    enable      = true
    sample_rate = 1.0
  }
}

# Banners and posters, named by their content's hash: kept for a year by browsers and at the edge.
resource "google_compute_backend_bucket" "media" {
  name        = "media"
  description = "Banners and posters"
  bucket_name = google_storage_bucket.product["media"].name
  enable_cdn  = true

  cdn_policy {
    cache_mode         = "USE_ORIGIN_HEADERS"
    request_coalescing = true
    serve_while_stale  = 86400
  }

  custom_response_headers = [
    "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    "X-Content-Type-Options: nosniff",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy: cross-origin",
  ]
}

# The page for an address that nobody serves. Its only style is the one that stands in it.
resource "google_compute_backend_bucket" "not_found" {
  name        = "not-found"
  description = "The page for an address that nobody serves"
  bucket_name = google_storage_bucket.product["media"].name
  enable_cdn  = false

  custom_response_headers = [
    "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    "X-Content-Type-Options: nosniff",
    "Content-Security-Policy: default-src 'none'; style-src 'sha256-${local.not_found_style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy: same-origin",
  ]
}

# Waiting rooms: a page and a status for everybody, for as long as each says (shared/site/waiting_room_publishing.py). The
# headers are those of the site's pages (shared/web/pages.py).
resource "google_compute_backend_bucket" "queue" {
  name             = "queue"
  description      = "Pages and status of waiting rooms"
  bucket_name      = google_storage_bucket.product["queue"].name
  enable_cdn       = true
  compression_mode = "AUTOMATIC"

  cdn_policy {
    cache_mode         = "USE_ORIGIN_HEADERS"
    request_coalescing = true # a hundred thousand who ask at once are one request to the bucket
    serve_while_stale  = 5
  }

  custom_response_headers = [
    "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    "X-Content-Type-Options: nosniff",
    "Content-Security-Policy: ${local.page_policy}",
    "Referrer-Policy: same-origin",
    "Cross-Origin-Opener-Policy: same-origin",
    "Cross-Origin-Resource-Policy: same-origin",
    "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), screen-wake-lock=(self)",
  ]
}

locals {
  not_found_style = base64sha256(regex("(?s)<style>(.*)</style>", file("${path.module}/pages/not-found.html"))[0])

  page_policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

resource "google_compute_ssl_policy" "main" {
  name            = "main"
  profile         = "RESTRICTED" # the one that TLS_1_3 needs
  min_tls_version = var.minimum_tls_version
}

resource "google_compute_target_https_proxy" "main" {
  name            = "main"
  url_map         = google_compute_url_map.main.id
  ssl_policy      = google_compute_ssl_policy.main.id
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.main.id}"
  quic_override   = "ENABLE"
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_address" "main" {
  for_each = toset(["IPV4", "IPV6"])

  name       = "main-${lower(each.key)}"
  ip_version = each.key

  depends_on = [google_project_service.this]
}

resource "google_compute_global_forwarding_rule" "https" {
  for_each = google_compute_global_address.main

  name                  = "https-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = each.value.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.main.id
}

resource "google_compute_global_forwarding_rule" "http" {
  for_each = google_compute_global_address.main

  name                  = "http-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = each.value.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
