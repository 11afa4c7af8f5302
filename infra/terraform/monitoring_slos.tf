# What is promised to buyers, measured at the load balancer, and the alerts when the promise burns away too fast.

locals {
  # Backend to what is promised of it over 28 days: answers without an error (5xx), and answers within a second. R-001
  # asks for 99.5 %.
  promises = {
    events   = { availability = 0.999, fast = 0.95 }
    reserve  = { availability = 0.999, fast = 0.95 }
    checkout = { availability = 0.995, fast = 0.90 } # it waits for a gateway
    webhook  = { availability = 0.999, fast = 0.90 } # it asks the gateway back
    tickets  = { availability = 0.999, fast = 0.95 } # the gate
  }

  # A budget of 28 days would last two days, or five: multi-window, so that an alert ends soon after its cause. None
  # burns faster than 1 / (1 - goal) times, everything being bad, so a generous promise calls when half is, or a quarter.
  burns = {
    fast = { rate = 14.4, bad = 0.5, long = "3600s", short = "300s", severity = "CRITICAL" }
    slow = { rate = 6, bad = 0.25, long = "21600s", short = "1800s", severity = "ERROR" }
  }
  goals = { for pair in setproduct(keys(local.promises), ["availability", "latency"]) :
    "${pair[0]}-${pair[1]}" => pair[1] == "latency" ? local.promises[pair[0]].fast : local.promises[pair[0]].availability
  }

  slos = merge(
    { for name in keys(local.promises) : "${name}-availability" => google_monitoring_slo.availability[name].name },
    { for name in keys(local.promises) : "${name}-latency" => google_monitoring_slo.latency[name].name },
  )
  burn_alerts = { for pair in setproduct(keys(local.promises), ["availability", "latency"], keys(local.burns)) :
    "${pair[0]}-${pair[1]}-${pair[2]}" => {
      slo    = "${pair[0]}-${pair[1]}"
      of     = "${pair[1]} of ${pair[0]}"
      burn   = local.burns[pair[2]]
      rate   = tonumber(format("%.1f", min(local.burns[pair[2]].rate, local.burns[pair[2]].bad / (1 - local.goals["${pair[0]}-${pair[1]}"]))))
      anchor = "burn-rate-${pair[1]}"
    }
  }
}

resource "google_monitoring_custom_service" "this" {
  for_each = local.promises

  service_id   = each.key
  display_name = each.key

  depends_on = [google_project_service.this]
}

resource "google_monitoring_slo" "availability" {
  for_each = local.promises

  service             = google_monitoring_custom_service.this[each.key].service_id
  slo_id              = "availability"
  display_name        = "${each.value.availability * 100} % of requests are answered without an error"
  goal                = each.value.availability
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      bad_service_filter   = "metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\" resource.label.backend_target_name=\"${local.functions[each.key].service_name}\" metric.label.response_code_class=500"
      total_service_filter = "metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\" resource.label.backend_target_name=\"${local.functions[each.key].service_name}\""
    }
  }
}

resource "google_monitoring_slo" "latency" {
  for_each = local.promises

  service             = google_monitoring_custom_service.this[each.key].service_id
  slo_id              = "latency"
  display_name        = "${each.value.fast * 100} % of requests are answered within a second"
  goal                = each.value.fast
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"loadbalancing.googleapis.com/https/total_latencies\" resource.type=\"https_lb_rule\" resource.label.backend_target_name=\"${local.functions[each.key].service_name}\""

      range {
        max = 1000 # milliseconds
      }
    }
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = local.burn_alerts

  display_name          = "burn-rate: ${each.key}"
  combiner              = "AND"
  severity              = each.value.burn.severity
  notification_channels = local.told[each.value.burn.severity]

  dynamic "conditions" {
    for_each = toset([each.value.burn.long, each.value.burn.short])
    content {
      display_name = "The ${each.value.of} burns its budget ${each.value.rate} times too fast, over ${conditions.value}"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${local.slos[each.value.slo]}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "${var.environment}: ${each.key}"
    content   = "The ${each.value.of} is promised for 28 days, and goes ${each.value.rate} times as fast as it may.\n\nWhat to do: ${local.runbook}#${each.value.anchor}"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
