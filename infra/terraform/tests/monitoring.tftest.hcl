# What goes wrong is seen, and somebody is told what to do.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "what_is_watched" {
  command = plan

  # every metric is counted and shown
  assert {
    condition = (
      toset(keys(google_logging_metric.counter)) == toset(keys(jsondecode(file("../../schemas/metrics.json")).counters))
      && toset(keys(google_logging_metric.gauge)) == toset(keys(jsondecode(file("../../schemas/metrics.json")).gauges))
    )
    error_message = "Cloud Logging counts something else than shared/cloud/metrics.py lists."
  }

  assert {
    condition = alltrue([
      for name in concat(keys(google_logging_metric.counter), keys(google_logging_metric.gauge)) :
      strcontains(google_monitoring_dashboard.main.dashboard_json, "user_${name}")
    ])
    error_message = "A metric is missing on the dashboard."
  }

  # latency is held to what is promised: M-007, M-009
  assert {
    condition     = strcontains(local.alerts.latency.query, "histogram_quantile(0.9, ") && strcontains(local.alerts.latency.query, "histogram_quantile(0.95, ")
    error_message = "What waits for a gateway is not held to its own promise."
  }

  assert {
    condition     = alltrue([for query in local.slow_queries : strcontains(query, "[5m])) > ${local.traffic_floor}")])
    error_message = "A single slow request calls somebody."
  }

  # saturation is seen
  assert {
    condition = length(setsubtract(
      ["no-instance", "instances", "messages-waiting", "tasks-waiting", "jobs-failed", "database-disk", "backup-failed", "certificate", "quota", "limits-unavailable", "cache-fallback"],
      keys(google_monitoring_alert_policy.this),
    )) == 0
    error_message = "Something fills up, or fails, and nobody is told."
  }

  assert {
    condition = alltrue([
      for name, entry in local.functions : strcontains(local.alerts.instances.query, entry.service_name) if entry.max_instances >= 4
    ])
    error_message = "A function may be at its maximum unseen."
  }

  # every alert says what to do: M-007, MON
  assert {
    condition = alltrue([
      for key, alert in google_monitoring_alert_policy.this :
      endswith(alert.documentation[0].content, "https://github.com/example/karcis/blob/main/docs/runbook.md#${key}")
    ])
    error_message = "An alert does not lead to its heading in the runbook."
  }

  assert {
    condition     = length(google_monitoring_alert_policy.burn) == 2 * 2 * length(local.promises)
    error_message = "A promise has no fast and slow burn-rate alert."
  }

  assert {
    condition = alltrue(flatten([
      for key, alert in local.burn_alerts : [
        for condition in google_monitoring_alert_policy.burn[key].conditions :
        condition.condition_threshold[0].threshold_value == alert.rate && alert.rate < 1 / (1 - local.goals[alert.slo])
      ]
    ]))
    error_message = "A burn-rate alert waits for more than everything being bad."
  }

  assert {
    condition     = length(setsubtract(keys(local.promises), keys(local.public_functions))) == 0
    error_message = "A promise is made of something that nobody can call."
  }
}

run "who_is_on_call_is_woken_by_what_can_not_wait" {
  command = plan

  variables {
    notification_channels = ["projects/example-karcis/notificationChannels/1"]
  }

  assert {
    condition = alltrue([
      for key, alert in google_monitoring_alert_policy.this :
      contains(alert.notification_channels, "projects/example-karcis/notificationChannels/1") == (local.alerts[key].severity == "CRITICAL")
    ])
    error_message = "Somebody sleeps through a CRITICAL alert, or is woken for less."
  }
}

run "mails_go_where_they_are_told_to" {
  command = plan

  variables {
    alert_emails = ["operations@example.com"]
  }

  assert {
    condition     = keys(google_monitoring_notification_channel.email) == ["operations@example.com"]
    error_message = "Alerts have nowhere to go."
  }
}
