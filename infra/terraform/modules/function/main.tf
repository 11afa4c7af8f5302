terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
    time = {
      source = "hashicorp/time"
    }
  }
}

locals {
  # An attempt of the database must give up before the platform gives up on the request.
  statement_timeout_ms = min(15, max(1, var.sizing.timeout_seconds - 5)) * 1000
}

resource "google_service_account" "this" {
  account_id   = "fn-${var.name}"
  display_name = var.summary
}

# Whoever deploys a function must be allowed to act as its account; a release that adds one is the first to.
resource "google_service_account_iam_member" "deploys" {
  service_account_id = google_service_account.this.name
  role               = "roles/iam.serviceAccountUser"
  member             = var.deployer
}

# A right is believed after some minutes, two as a rule (Google, Access change propagation): this one and the builder's.
resource "time_sleep" "until_believed" {
  create_duration = "120s"

  depends_on = [google_service_account_iam_member.deploys]
}

resource "google_cloudfunctions2_function" "this" {
  name        = var.name
  location    = var.region
  description = var.summary
  labels      = var.labels

  build_config {
    runtime           = var.runtime
    entry_point       = var.entry_point
    service_account   = var.build.service_account
    docker_repository = var.build.repository

    source {
      storage_source {
        bucket = var.source_archive.bucket
        object = var.source_archive.object
      }
    }

    on_deploy_update_policy {}
  }

  service_config {
    service_account_email            = google_service_account.this.email
    ingress_settings                 = var.is_public ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY"
    available_memory                 = "${var.sizing.memory_mb}M"
    available_cpu                    = tostring(var.sizing.cpu)
    timeout_seconds                  = var.sizing.timeout_seconds
    max_instance_request_concurrency = var.sizing.concurrency
    min_instance_count               = var.sizing.min_instances
    max_instance_count               = var.sizing.max_instances

    # A new revision waits at 0 % until the canary moves traffic (infra/deploy). Routing is Cloud Run's, and stays
    # pinned to a revision by name between releases.
    all_traffic_on_latest_revision = false

    direct_vpc_egress = "VPC_EGRESS_PRIVATE_RANGES_ONLY" # gateways are reached directly, without NAT's cold start
    direct_vpc_network_interface {
      network    = var.network.network
      subnetwork = var.network.subnetwork
    }

    environment_variables = merge(var.environment, {
      FUNCTION             = var.entry_point
      DATABASE_USER        = trimsuffix(google_service_account.this.email, ".gserviceaccount.com")
      POOL_SIZE            = tostring(var.sizing.pool_size)
      THREADS              = tostring(var.sizing.threads)
      STATEMENT_TIMEOUT_MS = tostring(local.statement_timeout_ms)
    })
  }

  lifecycle {
    precondition {
      condition     = var.sizing.min_instances <= var.sizing.max_instances
      error_message = "${var.name}: min_instances (${var.sizing.min_instances}) is above max_instances (${var.sizing.max_instances})."
    }
    precondition {
      condition     = length("fn-${var.name}") <= 30
      error_message = "${var.name}: a service account's id has at most 30 characters, \"fn-\" included."
    }
  }

  depends_on = [time_sleep.until_believed]
}
