# Told from here, as the project that writes may be the one that is gone. Each key is its heading in docs/runbook.md.

locals {
  events = {
    exports = {
      description = "Exports of the database that have arrived."
      filter      = "protoPayload.methodName=\"storage.objects.create\" AND resource.labels.bucket_name=\"${var.project_id}-exports\""
    }
    reads = {
      description = "Reads of what is kept here."
      filter      = "protoPayload.methodName=\"storage.objects.get\""
    }
  }

  metric = { for name in keys(local.events) : name => "logging_googleapis_com:user_vault_${name}_total{monitored_resource=\"gcs_bucket\"}" }

  alerts = {
    export-not-arrived = {
      summary = "No export of the database has arrived in the vault for 26 hours."
      lasts   = "10800s" # after the 23 hours of the query: a window of a day and more is none that alerts were made for
      query   = "absent_over_time(${local.metric.exports}[23h])"
    }
    vault-read = {
      summary = "Somebody has read what is in the vault."
      lasts   = "0s"
      query   = "sum by (bucket_name) (increase(${local.metric.reads}[10m])) > 0"
    }
  }
}

resource "google_logging_metric" "this" {
  for_each = local.events

  name        = "vault_${each.key}_total"
  description = each.value.description
  filter      = "resource.type=\"gcs_bucket\" AND log_id(\"cloudaudit.googleapis.com/data_access\") AND severity<ERROR AND ${each.value.filter}"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = each.key
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  type         = "email"
  display_name = each.key
  labels       = { email_address = each.key }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = each.key
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = concat(values(google_monitoring_notification_channel.email)[*].id, var.notification_channels)

  conditions {
    display_name = each.value.summary

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.lasts
      evaluation_interval       = "60s"
      disable_metric_validation = true # a metric is known once its first line has come
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "vault: ${each.key}"
    content   = "${each.value.summary}\n\nWhat to do: ${var.runbook}#${each.key}"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.this]
}
