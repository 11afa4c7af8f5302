# Which function answers which address, from the manifest's routes.
#
# Functions share prefixes (/orders/reserve, /orders/{id}/checkout, /orders/{id}), and a path rule ends in `*` or in
# nothing. So these are route rules: whole paths first, then templates, those with fewer variables before those with
# more. A function's paths of one kind are one rule.

locals {
  api = "/api/v1"

  routes = flatten([
    for name, entry in local.public_functions : [
      for path in toset([for line in entry.routes : split(" ", line)[1]]) : {
        function  = name
        pattern   = "${local.api}${replace(path, "/{[a-z_]+}/", "*")}"
        variables = length(regexall("{", path))
      }
    ]
  ])

  patterns_by_rule = {
    for route in local.routes : format("%02d %s", route.variables, route.function) => route.pattern...
  }
  route_rules = [
    for index, rule in sort(keys(local.patterns_by_rule)) : {
      priority    = index + 1
      function    = split(" ", rule)[1]
      is_template = !startswith(rule, "00")
      patterns    = sort(local.patterns_by_rule[rule])
    }
  ]

  # Pages: whole addresses, and everything below those that end in /*.
  pages = flatten([
    for name, entry in local.public_functions : [for page in entry.pages : { function = name, address = page }]
  ])
  page_functions = [for name, entry in local.public_functions : name if length(entry.pages) > 0]

  # Objects of the bucket `queue` are named as their addresses, so nothing is rewritten.
  queue_prefixes = ["/id/queue/", "/en/queue/", "/queue-status/"]

  # A bucket whose objects nobody may list says 403 of an unknown one, in XML: people get a page instead, and programs
  # a problem document.
  not_found = { "/api/" = "/not-found.json", "/" = "/not-found.html" }

  # Google refuses a URL map that doesn't do what its tests say. There is room for 100.
  route_tests = slice(local.routes, 0, min(length(local.routes), 100))
}

resource "google_compute_url_map" "main" {
  name = "main"

  # Whatever nobody serves, a bucket answers: scanners wake no function.
  default_service = google_compute_backend_bucket.media.id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "product"
  }

  path_matcher {
    name            = "product"
    default_service = google_compute_backend_bucket.media.id

    dynamic "route_rules" {
      for_each = local.route_rules
      content {
        priority = route_rules.value.priority
        service  = google_compute_backend_service.function[route_rules.value.function].id

        dynamic "match_rules" {
          for_each = route_rules.value.patterns
          content {
            full_path_match     = route_rules.value.is_template ? null : match_rules.value
            path_template_match = route_rules.value.is_template ? match_rules.value : null
          }
        }
      }
    }

    # Waiting rooms come before the site's pages, below whose addresses they are.
    route_rules {
      priority = 400
      service  = google_compute_backend_bucket.queue.id

      dynamic "match_rules" {
        for_each = local.queue_prefixes
        content {
          prefix_match = match_rules.value
        }
      }

      custom_error_response_policy {
        error_service = google_compute_backend_bucket.not_found.id
        error_response_rule {
          match_response_codes   = ["403", "404"]
          path                   = local.not_found["/"]
          override_response_code = 404
        }
      }
    }

    dynamic "route_rules" {
      for_each = local.page_functions
      content {
        priority = 500 + route_rules.key
        service  = google_compute_backend_service.function[route_rules.value].id

        dynamic "match_rules" {
          for_each = [for page in local.pages : page.address if page.function == route_rules.value]
          content {
            full_path_match = endswith(match_rules.value, "/*") ? null : match_rules.value
            prefix_match    = endswith(match_rules.value, "/*") ? trimsuffix(match_rules.value, "*") : null
          }
        }
      }
    }

    route_rules {
      priority = 1000
      service  = google_compute_backend_bucket.media.id

      match_rules {
        prefix_match = "/media/"
      }
      route_action {
        url_rewrite {
          path_prefix_rewrite = "/"
        }
      }
    }

    dynamic "route_rules" {
      for_each = reverse(keys(local.not_found)) # the longer prefix first
      content {
        priority = 2000 + route_rules.key
        service  = google_compute_backend_bucket.media.id

        match_rules {
          prefix_match = route_rules.value
        }
        custom_error_response_policy {
          error_service = google_compute_backend_bucket.not_found.id
          error_response_rule {
            match_response_codes   = ["403", "404"]
            path                   = local.not_found[route_rules.value]
            override_response_code = 404
          }
        }
      }
    }
  }

  dynamic "test" {
    for_each = local.route_tests
    content {
      host    = var.domain
      path    = replace(test.value.pattern, "*", "00000000-0000-4000-8000-000000000000")
      service = google_compute_backend_service.function[test.value.function].id
    }
  }
}

resource "google_compute_url_map" "redirect" {
  name = "redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT" # 308 keeps the method
    strip_query            = false
  }
}
