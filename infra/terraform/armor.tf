# Cloud Armor. A rate counts per backend, so per function: what one address may ask of the whole is a multiple.
# Limits for people are in the product (shared/web/limits.py), which knows who is signed in.

locals {
  # What the manifest says about a function's edge, to the policy in front of it.
  edge_policies = { standard = "standard", cached = "standard", pages = "standard", accounts = "accounts", webhook = "webhook" }

  # Attacks the preconfigured rules look for, at their least nervous. Event descriptions are prose, and prose looks
  # like SQL at any other sensitivity.
  waf_rule_sets = [
    "lfi-v33-stable",
    "protocolattack-v33-stable",
    "rce-v33-stable",
    "scannerdetection-v33-stable",
    "sessionfixation-v33-stable",
    "sqli-v33-stable",
    "xss-v33-stable",
  ]

  # Of them left out: header injection by a line break, which any description with a line "Location: ..." looks like. No
  # header of ours is made of what somebody writes.
  waf_left_out = {
    "protocolattack-v33-stable" = ", 'opt_out_rule_ids': ['owasp-crs-v030301-id921120-protocolattack', 'owasp-crs-v030301-id921150-protocolattack']"
  }

  # Bytes of a picture look like anything. Uploads are few, and decoded and written anew by the function.
  upload_paths = [
    for path, operations in jsondecode(file("${local.root}/schemas/openapi.json")).paths : replace(path, "/{[a-z_]+}/", "[^/]+")
    if anytrue([for operation in values(operations) : can(operation.requestBody.content["multipart/form-data"])])
  ]
  no_upload = length(local.upload_paths) == 0 ? "" : "!request.path.matches('^(${join("|", local.upload_paths)})$') && "

  # Notifications are signed or carry a token, and losing one costs a buyer's patience: of all rules only the one against
  # known vulnerabilities looks into them.
  waf_policies = toset(["standard", "accounts"])

  # A preview ends by itself, with the first apply after its day.
  waf_previews = try(timecmp(plantimestamp(), "${var.waf_preview_until}T00:00:00Z") < 0, false)

  # A rule takes ten ranges at most.
  webhook_sources = length(var.webhook_ranges) > 0 ? chunklist(var.webhook_ranges, 10) : [["*"]]
}

resource "google_compute_security_policy" "this" {
  for_each = toset(values(local.edge_policies))

  name = each.key
  type = "CLOUD_ARMOR"

  advanced_options_config {
    json_parsing                 = "STANDARD" # looks at fields, not at the braces around them
    log_level                    = "NORMAL"   # VERBOSE would log the offending values
    request_body_inspection_size = "8KB"
  }

  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable = true
    }
  }

  rule {
    priority    = 100
    description = "Log4j and other vulnerabilities everybody is scanned for"
    action      = "deny(403)"
    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  dynamic "rule" {
    for_each = contains(local.waf_policies, each.key) ? local.waf_rule_sets : []
    content {
      priority    = 200 + rule.key
      description = rule.value
      action      = "deny(403)"
      preview     = local.waf_previews
      match {
        expr {
          expression = "${local.no_upload}evaluatePreconfiguredWaf('${rule.value}', {'sensitivity': 1${lookup(local.waf_left_out, rule.value, "")}})"
        }
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "webhook" ? local.webhook_sources : [["*"]]
    content {
      priority    = 1000 + rule.key
      description = "Requests a minute of one address"
      action      = "throttle"
      match {
        versioned_expr = "SRC_IPS_V1"
        config {
          src_ip_ranges = rule.value
        }
      }
      rate_limit_options {
        conform_action = "allow"
        exceed_action  = "deny(429)"
        enforce_on_key = "IP"
        rate_limit_threshold {
          count        = var.requests_per_minute[each.key]
          interval_sec = 60
        }
      }
    }
  }

  rule {
    priority    = 2147483647
    description = "Everybody else"
    action      = each.key == "webhook" && length(var.webhook_ranges) > 0 ? "deny(403)" : "allow"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.this]
}
