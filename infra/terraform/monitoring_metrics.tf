# What Cloud Logging counts. The list is shared/cloud/metrics.py's, written down in schemas/metrics.json.

locals {
  metrics = jsondecode(file("${local.root}/schemas/metrics.json"))

  # Only what the functions say of themselves: a line of another service may have a field of the same name.
  of_functions = "resource.type=\"cloud_run_revision\""
}

resource "google_logging_metric" "counter" {
  for_each = local.metrics.counters

  name             = each.key
  description      = each.value.description
  filter           = "${local.of_functions} AND ${each.value.filter}"
  label_extractors = each.value.labels

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = each.key

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  depends_on = [google_project_service.this]
}

# A number out of a line can only be a distribution. Its mean over ten minutes, two lines of reconcile, is the gauge.
resource "google_logging_metric" "gauge" {
  for_each = local.metrics.gauges

  name            = each.key
  description     = each.value.description
  filter          = "${local.of_functions} AND ${each.value.filter}"
  value_extractor = each.value.value

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    display_name = each.key
  }

  bucket_options {
    exponential_buckets {
      scale              = 1
      growth_factor      = 2
      num_finite_buckets = 40
    }
  }

  depends_on = [google_project_service.this]
}

locals {
  # In PromQL, as alerts and the dashboard ask.
  counter = { for name in keys(local.metrics.counters) : name => "logging_googleapis_com:user_${name}{monitored_resource=\"cloud_run_revision\"}" }
  gauge = {
    for name in keys(local.metrics.gauges) : name => join(" / ", [
      for part in ["sum", "count"] : "sum(increase(logging_googleapis_com:user_${name}_${part}{monitored_resource=\"cloud_run_revision\"}[10m]))"
    ])
  }
}
