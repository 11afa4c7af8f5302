# What tells that a disaster would be worse than promised (docs/disaster.md). The key is the heading in docs/runbook.md.

locals {
  export_runs = "workflows_googleapis_com:finished_execution_count{monitored_resource=\"workflows.googleapis.com/Workflow\",workflow_id=\"export\""

  # A window of a day and more is none that alerts were made for: 23 hours, and three more that it must last.
  disaster_alerts = merge(
    { for key, alert in local.export_alerts : key => alert if var.vault != null },
    { for key, alert in local.drift_alerts : key => alert if local.has_pipeline },
    local.rotation_alerts,
  )

  export_alerts = {
    export-failed = {
      summary  = "The nightly export of the database into the vault has failed."
      severity = "CRITICAL"
      lasts    = "0s"
      query    = "sum(increase(${local.export_runs},status!=\"SUCCEEDED\"}[1h])) > 0"
    }
    export-missing = {
      summary  = "The database was not exported into the vault for 26 hours."
      severity = "CRITICAL"
      lasts    = "10800s"
      query    = "absent_over_time(${local.export_runs},status=\"SUCCEEDED\"}[23h])"
    }
  }

  drift_alerts = {
    drift = {
      summary  = "The cloud is not what was released: somebody has changed it past the pipeline."
      severity = "ERROR"
      lasts    = "0s"
      query    = "sum(increase(${local.platform_counter.drift-found}[23h])) > 0"
    }
    drift-unchecked = {
      summary  = "Nobody has compared the cloud with what was released for 26 hours."
      severity = "WARNING"
      lasts    = "10800s"
      query    = "absent_over_time(${local.platform_counter.drift-checked}[23h])"
    }
  }

  rotation_alerts = {
    secret-rotation = {
      summary  = "A secret is to be replaced by a new one."
      severity = "WARNING"
      lasts    = "0s"
      query    = "max(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"${google_pubsub_subscription.rotation.name}\"}) > 0"
    }
  }
}
