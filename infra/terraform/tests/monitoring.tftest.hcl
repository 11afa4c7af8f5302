# What goes wrong is seen, and somebody is told what to do.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "every_metric_is_counted_and_shown" {
  command = plan

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
}

run "every_alert_says_what_to_do" { # M-007, MON
  command = plan

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
