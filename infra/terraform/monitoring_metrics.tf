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
  # What Google's services log of themselves and give no metric for.
  platform_events = {
    # A 429 of our own limits is logged with the route, by us; this one never reached an instance.
    no-instance = {
      description = "Requests that Cloud Run refused as no instance was free."
      filter      = "resource.type=\"cloud_run_revision\" AND log_id(\"run.googleapis.com/requests\") AND textPayload:\"no available instance\""
      resource    = "cloud_run_revision"
    }
    job-failed = {
      description = "Runs of jobs that did not end well."
      filter      = "resource.type=\"cloud_scheduler_job\" AND log_id(\"cloudscheduler.googleapis.com/executions\") AND severity>=ERROR"
      resource    = "cloud_scheduler_job"
    }
    backup-failed = {
      description = "Backup windows of the database that ended without a backup."
      filter      = "resource.type=\"cloudsql_database\" AND log_id(\"cloudaudit.googleapis.com/system_event\") AND protoPayload.methodName=\"cloudsql.instances.automatedBackup\" AND protoPayload.metadata.windowStatus=~\"(?i)fail|error|skip|cancel\""
      resource    = "cloudsql_database"
    }
    drift-checked = {
      description = "Plans of what was released that have ended, whatever they have found."
      filter      = "resource.type=\"build\" AND log_id(\"cloudbuild\") AND textPayload:\"drift: compared with what was released\""
      resource    = "build"
    }
    drift-found = {
      description = "Plans of what was released that would change something."
      filter      = "resource.type=\"build\" AND log_id(\"cloudbuild\") AND textPayload:\"drift: the cloud is not what was released\""
      resource    = "build"
    }
  }
}

resource "google_logging_metric" "platform" {
  for_each = local.platform_events

  name        = "platform_${replace(each.key, "-", "_")}_total"
  description = each.value.description
  filter      = each.value.filter

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = each.key
  }

  depends_on = [google_project_service.this]
}

locals {
  # In PromQL, as alerts and the dashboard ask.
  counter = { for name in keys(local.metrics.counters) : name => "logging_googleapis_com:user_${name}{monitored_resource=\"cloud_run_revision\"}" }
  platform_counter = { for name, event in local.platform_events :
    name => "logging_googleapis_com:user_platform_${replace(name, "-", "_")}_total{monitored_resource=\"${event.resource}\"}"
  }
  gauge = {
    for name in keys(local.metrics.gauges) : name => join(" / ", [
      for part in ["sum", "count"] : "sum(increase(logging_googleapis_com:user_${name}_${part}{monitored_resource=\"cloud_run_revision\"}[10m]))"
    ])
  }
}
