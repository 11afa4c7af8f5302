# The manifest, the URL map and the OpenAPI document say the same. tests/infra asks the URL map like a client.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "what_is_routed_and_refused" {
  command = plan

  # every documented path is routed to its function
  assert {
    condition = (
      { for path, operations in jsondecode(file("../../schemas/openapi.json")).paths :
      replace(path, "/{[a-z_]+}/", "*") => one(distinct([for operation in values(operations) : operation.tags[0]])) }
      == { for entry in flatten([for rule in output.route_rules : [for pattern in rule.patterns : { pattern = pattern, function = rule.function }]]) :
      entry.pattern => entry.function }
    )
    error_message = "schemas/openapi.json and the URL map disagree."
  }

  assert {
    condition = (
      flatten([for rule in google_compute_url_map.main.path_matcher[0].route_rules : [
        for match in rule.match_rules : coalesce(match.full_path_match, match.path_template_match, match.prefix_match)
      ]])
      == concat(flatten(output.route_rules[*].patterns), ["/id/queue/", "/en/queue/", "/queue-status/"], [for page in output.pages : trimsuffix(page.address, "*")], ["/media/", "/api/", "/"])
    )
    error_message = "The URL map doesn't hold the rules it was given."
  }

  assert {
    condition = alltrue([
      for backend in google_compute_backend_service.function : alltrue([
        for policy in backend.cdn_policy :
        toset(policy.bypass_cache_on_request_headers[*].header_name) == toset(["Authorization", "Cookie"])
      ]) if backend.enable_cdn && !contains(output.pages[*].function, backend.name)
    ])
    error_message = "Somebody who is signed in, by token or by cookie, would be shown everybody's copy."
  }

  assert {
    condition     = google_compute_url_map.redirect.default_url_redirect[0].https_redirect
    error_message = "Plain HTTP is answered."
  }

  assert {
    condition     = google_compute_ssl_policy.main.profile == "RESTRICTED" && google_compute_ssl_policy.main.min_tls_version == "TLS_1_3"
    error_message = "SEC-001: TLS 1.3."
  }

  assert {
    condition = alltrue([
      for rule in google_compute_security_policy.this["webhook"].rule : !strcontains(try(rule.match[0].expr[0].expression, ""), "-v33-")
    ])
    error_message = "A rule made against browsers looks into gateways' notifications."
  }

  # nobody speaks an older tls: SEC-001
  assert {
    condition     = google_compute_ssl_policy.main.min_tls_version == "TLS_1_3"
    error_message = "Older versions of TLS are spoken, and nobody has asked for them."
  }

  # waf rules refuse unless told otherwise
  assert {
    condition = alltrue([
      for policy in google_compute_security_policy.this : alltrue([
        for rule in policy.rule : !rule.preview if floor(rule.priority / 100) == 2 # the preconfigured ones
      ])
    ])
    error_message = "A WAF rule only logs, and nobody has said until when."
  }

  # a description may have a line "Location: ..."
  assert {
    condition = alltrue([
      for policy in google_compute_security_policy.this : alltrue([
        for rule in policy.rule : strcontains(rule.match[0].expr[0].expression, "id921120-protocolattack'") if rule.description == "protocolattack-v33-stable"
      ])
    ])
    error_message = "Cloud Armor takes a description's line break for an attack on headers."
  }
}

run "a_preview_that_is_over_refuses" {
  command = plan

  variables {
    waf_preview_until = "2026-01-01"
  }

  assert {
    condition = alltrue([
      for rule in google_compute_security_policy.this["standard"].rule : !rule.preview if floor(rule.priority / 100) == 2
    ])
    error_message = "The day is over, and the rules still only log."
  }
}

run "a_preview_without_an_end_is_refused" {
  command = plan

  variables {
    waf_preview_until = "2999-01-01"
  }

  expect_failures = [var.waf_preview_until]
}

run "gateways_may_publish_any_number_of_ranges" {
  command = plan

  variables {
    webhook_ranges = [for number in range(23) : "198.51.100.${number}/32"]
  }

  assert {
    condition = [
      for rule in google_compute_security_policy.this["webhook"].rule : length(rule.match[0].config[0].src_ip_ranges)
      if rule.action == "throttle"
    ] == [10, 10, 3]
    error_message = "Cloud Armor takes ten ranges a rule, and each range has its rate."
  }

  assert {
    condition = one([
      for rule in google_compute_security_policy.this["webhook"].rule : rule.action if rule.priority == 2147483647
    ]) == "deny(403)"
    error_message = "Others than the gateways may notify."
  }
}
