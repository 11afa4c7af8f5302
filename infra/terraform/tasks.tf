# Work for later, and work by the clock.

resource "google_cloud_tasks_queue" "this" {
  for_each = module.manifest.contents.queues

  name            = each.key
  location        = var.region
  deletion_policy = "PREVENT" # a deleted queue's name can't be used again for days

  rate_limits {
    max_concurrent_dispatches = each.value.max_concurrent_dispatches
  }

  retry_config {
    max_attempts = each.value.max_attempts
    min_backoff  = "${each.value.min_backoff_seconds}s"
    max_backoff  = "${each.value.max_backoff_seconds}s"
  }

  stackdriver_logging_config {
    sampling_ratio = 1.0 # nothing is logged otherwise
  }

  depends_on = [google_project_service.this]
}

locals {
  jobs = merge([
    for name, entry in local.functions : {
      for job, schedule in entry.jobs : "${entry.service_name}-${job}" => {
        function         = name
        job              = job
        schedule         = schedule
        deadline_seconds = max(entry.timeout_seconds, 15)
      }
    }
  ]...)
}

resource "google_cloud_scheduler_job" "this" {
  for_each = local.jobs

  name             = each.key
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = module.manifest.contents.time_zone
  attempt_deadline = "${each.value.deadline_seconds}s"

  retry_config {
    retry_count          = 2 # every job is idempotent, and runs again at its next time anyway
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = "${local.function_urls[each.value.function]}/jobs/${each.value.job}"
    oidc_token {
      service_account_email = google_service_account.invoker.email
      audience              = local.function_urls[each.value.function]
    }
  }

  depends_on = [module.function]
}
