# What calls a person. The key of an alert is the heading in docs/runbook.md that says what to do about it.

locals {
  requests  = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\""
  latencies = "run_googleapis_com:request_latencies_bucket{monitored_resource=\"cloud_run_revision\""

  # The share of a function's answers that must come within a second: what is promised of it, else M-007's 95 %.
  fast_shares = { for name, entry in local.public_functions : entry.service_name => try(local.promises[name].fast, 0.95) }
  slow_queries = [for share in distinct(values(local.fast_shares)) : join(" and on (service_name) ", [
    "histogram_quantile(${share}, sum by (le, service_name) (rate(${local.latencies},service_name=~\"${join("|", [for name, of in local.fast_shares : name if of == share])}\"}[5m]))) > 1000",
    "sum by (service_name) (increase(${local.requests}}[5m])) > ${local.traffic_floor}",
  ])]

  # A reminder to rotate a secret waits for a person (rotation.tf); the others for a function.
  function_subscriptions = "monitored_resource=\"pubsub_subscription\",subscription_id!=\"secret-rotation\""

  # Those that buy; the others only open payments.
  synthetic_purchases = "${trimsuffix(local.counter.karcis_synthetic_purchases_total, "}")},kind=\"purchase\""

  # Of fewer requests in five minutes a single slow one is a percentile.
  traffic_floor = 60

  # Functions that may have one instance or two are at their maximum whenever they work.
  scaled_maxima = { for maximum in distinct([for entry in values(local.functions) : entry.max_instances]) :
    maximum => join("|", [for entry in values(local.functions) : entry.service_name if entry.max_instances == maximum])
    if maximum >= 4
  }

  alerts = merge({
    # M-007
    errors = {
      summary  = "More than 1 % of a function's answers are errors (5xx)."
      severity = "CRITICAL"
      lasts    = "300s"
      query    = "sum by (service_name) (rate(${local.requests},response_code_class=\"5xx\"}[5m])) / sum by (service_name) (rate(${local.requests}}[5m])) > 0.01 and sum by (service_name) (increase(${local.requests}}[5m])) > 20"
    }
    latency = {
      summary  = "More answers of a function that people call take over a second than is promised of it: 5 %, where it waits for a gateway 10 %."
      severity = "ERROR"
      lasts    = "600s"
      query    = join(" or ", [for query in local.slow_queries : "(${query})"])
    }

    # Saturation
    no-instance = {
      summary  = "Cloud Run had no instance for a request, and refused it (429): people are turned away."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "sum by (service_name) (increase(${local.platform_counter.no-instance}[5m])) > 5"
    }
    instances = {
      summary  = "A function has used nine tenths of the instances that it may have, for five minutes."
      severity = "ERROR"
      lasts    = "300s"
      query    = join(" or ", [for maximum, names in local.scaled_maxima : "(sum by (service_name) (run_googleapis_com:container_instance_count{monitored_resource=\"cloud_run_revision\",state=\"active\",service_name=~\"${names}\"}) >= ${ceil(0.9 * maximum)})"])
    }
    messages-waiting = {
      summary  = "A message has waited for ten minutes for its function, or more than 5,000 wait."
      severity = "ERROR"
      lasts    = "0s"
      query    = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.function_subscriptions}}) > 600 or max by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{${local.function_subscriptions}}) > 5000"
    }
    tasks-waiting = {
      summary  = "More than 5,000 tasks are in a queue."
      severity = "ERROR"
      lasts    = "600s"
      query    = "max by (queue_id) (cloudtasks_googleapis_com:queue_depth{monitored_resource=\"cloud_tasks_queue\"}) > 5000"
    }
    jobs-failed = {
      summary  = "A job of Cloud Scheduler has failed three times within an hour."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum by (job_id) (increase(${local.platform_counter.job-failed}[1h])) >= 3"
    }
    database-disk = {
      summary  = "PostgreSQL's disk is more than 80 % full."
      severity = "ERROR"
      lasts    = "600s"
      query    = "max(cloudsql_googleapis_com:database_disk_utilization{monitored_resource=\"cloudsql_database\"}) > 0.8"
    }
    backup-failed = {
      summary  = "A nightly backup of the database was not made."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "sum(increase(${local.platform_counter.backup-failed}[1h])) > 0"
    }
    certificate = {
      summary  = "The certificate ends within two weeks, and has not been renewed by itself."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "min(monitoring_googleapis_com:uptime_check_time_until_ssl_cert_expires{monitored_resource=\"uptime_url\"}) < 14"
    }
    quota = {
      summary  = "A quota of the project was exceeded: Google refuses what we ask for."
      severity = "ERROR"
      lasts    = "0s"
      query    = "max by (quota_metric) (max_over_time(serviceruntime_googleapis_com:quota_exceeded{monitored_resource=\"consumer_quota\"}[10m])) > 0"
    }
    limits-unavailable = {
      summary  = "The counters of callers' requests don't answer: nobody is limited."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum(increase(${local.counter.karcis_limit_fallbacks_total}[10m])) > 5"
    }
    cache-fallback = {
      summary  = "The shared cache doesn't answer: every visitor's page is read from the database."
      severity = "WARNING"
      lasts    = "0s"
      query    = "sum(increase(${replace(local.counter.karcis_cache_fallbacks_total, "}", ",operation!=\"recovered\"}")}[10m])) > 10"
    }
    cpu = {
      summary  = "A function's instances use more than 80 % of their processor."
      severity = "WARNING"
      lasts    = "600s"
      query    = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:container_cpu_utilizations_bucket{monitored_resource=\"cloud_run_revision\"}[5m]))) > 0.8"
    }
    memory = {
      summary  = "A function's instances use more than 85 % of their memory."
      severity = "WARNING"
      lasts    = "300s"
      query    = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:container_memory_utilizations_bucket{monitored_resource=\"cloud_run_revision\"}[5m]))) > 0.85"
    }
    database-cpu = {
      summary  = "PostgreSQL uses more than 80 % of its processor."
      severity = "ERROR"
      lasts    = "600s"
      query    = "max(cloudsql_googleapis_com:database_cpu_utilization{monitored_resource=\"cloudsql_database\"}) > 0.8"
    }
    database-memory = {
      summary  = "PostgreSQL uses more than 85 % of its memory."
      severity = "WARNING"
      lasts    = "600s"
      query    = "max(cloudsql_googleapis_com:database_memory_utilization{monitored_resource=\"cloudsql_database\"}) > 0.85"
    }
    database-connections = {
      summary  = "More than 80 % of PostgreSQL's ${var.database.max_connections} connections are in use."
      severity = "ERROR"
      lasts    = "300s"
      query    = "sum(cloudsql_googleapis_com:database_postgresql_num_backends{monitored_resource=\"cloudsql_database\"}) > ${floor(0.8 * var.database.max_connections)}"
    }
    unreachable = {
      summary  = "The product doesn't answer from outside."
      severity = "CRITICAL"
      lasts    = "120s"
      query    = "avg(avg_over_time(monitoring_googleapis_com:uptime_check_check_passed{monitored_resource=\"uptime_url\",check_id=\"${google_monitoring_uptime_check_config.events.uptime_check_id}\"}[5m])) < 0.5"
    }

    # MON
    webhook-rejections = {
      summary  = "More than ${var.alert_thresholds.webhook_rejections_per_hour} notifications in an hour had no valid signature."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum by (gateway) (increase(${local.counter.karcis_webhook_rejections_total}[1h])) > ${var.alert_thresholds.webhook_rejections_per_hour}"
    }
    sign-in-failures = {
      summary  = "More than ${var.alert_thresholds.sign_in_failures_per_hour} wrong passwords, or codes, in an hour: somebody guesses at the whole population."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum by (by) (increase(${local.counter.karcis_sign_in_failures_total}[1h])) > ${var.alert_thresholds.sign_in_failures_per_hour}"
    }
    payment-mismatches = {
      summary  = "More than ${var.alert_thresholds.payment_mismatches_per_day} payments in a day were not what was asked for."
      severity = "WARNING"
      lasts    = "0s"
      query    = "sum(increase(${local.counter.karcis_payment_mismatches_total}[1d])) > ${var.alert_thresholds.payment_mismatches_per_day}"
    }
    repairs = {
      summary  = "Reconcile had to repair more than ${var.alert_thresholds.repairs_per_day} times in a day: something keeps failing."
      severity = "WARNING"
      lasts    = "0s"
      query    = "sum(increase(${local.counter.karcis_repairs_total}[1d])) > ${var.alert_thresholds.repairs_per_day}"
    }

    mails-undelivered = {
      summary  = "More than ${var.alert_thresholds.mails_undelivered_percent} % of a day's mails came back, were dropped or called spam: the mail service stops senders like that."
      severity = "ERROR"
      lasts    = "0s"
      query    = "100 * sum(increase(${local.counter.karcis_mails_undelivered_total}[1d])) / sum(increase(${local.counter.karcis_mails_sent_total}[1d])) > ${var.alert_thresholds.mails_undelivered_percent} and sum(increase(${local.counter.karcis_mails_sent_total}[1d])) > 100"
    }

    chat-undelivered = {
      summary  = "More than ${var.alert_thresholds.chat_undelivered_percent} % of an hour's messages in chats were refused by WhatsApp or did not arrive."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum(increase(${local.counter.karcis_chat_messages_undelivered_total}[1h])) > 20 and 100 * sum(increase(${local.counter.karcis_chat_messages_undelivered_total}[1h])) > ${var.alert_thresholds.chat_undelivered_percent} * (sum(increase(${local.counter.karcis_chat_messages_sent_total}[1h])) or vector(0))"
    }
    chat-budget = {
      summary  = "The day's budget of messages in chats is used up: whoever writes is sent to the site."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum(increase(${local.counter.karcis_chat_over_budget_total}[10m])) > 0"
    }
    chat-account = {
      summary  = "WhatsApp restricts our account or number, rates its quality low, or has stopped a template."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum by (field, event) (increase(${local.counter.karcis_chat_account_troubles_total}[1h])) > 0"
    }

    # What is stuck, and what does not add up
    gateway-failures = {
      summary  = "A gateway does not answer: more than 10 calls in ten minutes were given up."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum by (gateway) (increase(${local.counter.karcis_gateway_failures_total}[10m])) > 10"
    }
    outbox-stuck = {
      summary  = "A message has waited for ten minutes to be published, although the sweep comes every five."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "${local.gauge.karcis_outbox_oldest_seconds} > 600"
    }
    tickets-late = {
      summary  = "Somebody has paid and waits for tickets for more than ten minutes."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "${local.gauge.karcis_unissued_oldest_seconds} > 600"
    }
    prewarm-failed = {
      summary  = "Instances could not be warmed for a sale that is about to open, or not be lowered after it."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "sum(increase(workflows_googleapis_com:finished_execution_count{monitored_resource=\"workflows.googleapis.com/Workflow\",workflow_id=\"prewarm\",status!=\"SUCCEEDED\"}[30m])) > 0"
    }
    # A log-based counter without lines may be absent, or zero.
    synthetic-purchase = {
      summary  = "Of the synthetic purchases two failed within fifteen minutes, or none succeeded for twenty: people can't buy, or get no tickets."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "sum(increase(${local.synthetic_purchases},outcome=\"failed\"}[15m])) > 1.5 or sum(increase(${local.synthetic_purchases},outcome=\"succeeded\"}[20m])) < 0.5 or absent_over_time(${local.synthetic_purchases},outcome=\"succeeded\"}[20m])"
    }
    synthetic-payment = {
      summary  = "A payment could twice in a row not be opened at a gateway, or not be ended there."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum by (kind) (increase(${trimsuffix(local.counter.karcis_synthetic_purchases_total, "}")},kind=~\"payment at .*\",outcome=\"failed\"}[150m])) > 1.5"
    }
    dead-letters = {
      summary  = "A message or a task was given up, and nobody has decided about it."
      severity = "ERROR"
      lasts    = "0s"
      query    = "${local.gauge.karcis_dead_letters_undecided} > 0"
    }
    manual-tasks = {
      summary  = "Something waits for a person since a day."
      severity = "WARNING"
      lasts    = "84600s" # 23 hours and a half: the longest there is
      query    = "${local.gauge.karcis_manual_tasks_open} > 0"
    }
    ledger-difference = {
      summary  = "A posting in the books does not balance."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "${local.gauge.karcis_ledger_difference_rupiah} > 0"
    }
    clearing-difference = {
      summary  = "The books and a gateway differ in what it has moved."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "${local.gauge.karcis_clearing_difference_rupiah} > 0"
    }
    settlement-differences = {
      summary  = "A difference between settlement reports, books and bank is three days old."
      severity = "WARNING"
      lasts    = "0s"
      query    = "${local.gauge.karcis_settlement_difference_oldest_seconds} > 3 * 86400"
    }
    reconcile-silent = {
      summary  = "Reconcile has not reported for twenty minutes: nothing is repaired, and the gauges above say nothing."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "absent_over_time(logging_googleapis_com:user_karcis_outbox_oldest_seconds_count{monitored_resource=\"cloud_run_revision\"}[20m])"
    }
  }, local.disaster_alerts)

  runbook = var.repository == null ? "docs/runbook.md" : "https://github.com/${var.repository}/blob/main/docs/runbook.md"
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  type         = "email"
  display_name = each.key
  labels       = { email_address = each.key }

  depends_on = [google_project_service.this]
}

locals {
  # Who is told: everybody by mail, and for what can't wait those who are woken.
  mailed = values(google_monitoring_notification_channel.email)[*].id
  told   = { CRITICAL = concat(local.mailed, var.notification_channels), ERROR = local.mailed, WARNING = local.mailed }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = each.key
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.told[each.value.severity]

  conditions {
    display_name = each.value.summary

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.lasts
      evaluation_interval = "60s"
      # A metric is known once its first line has come, which for a difference in the books is never, we hope.
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "${var.environment}: ${each.key}"
    content   = "${each.value.summary}\n\nWhat to do: ${local.runbook}#${each.key}"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.counter, google_logging_metric.gauge, google_logging_metric.platform]
}

# From outside, as a buyer comes: name, certificate, load balancer; function and database when the cache is empty.
resource "google_monitoring_uptime_check_config" "events" {
  display_name = "events"
  timeout      = "10s"
  period       = "60s"

  http_check {
    path         = "/api/v1/events?page_size=1"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  content_matchers {
    matcher = "CONTAINS_STRING"
    content = "\"items\""
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project_id, host = var.domain }
  }

  depends_on = [google_project_service.this]
}
