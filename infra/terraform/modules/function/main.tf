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

  environment = merge(var.environment, {
    FUNCTION             = var.entry_point
    FUNCTION_TARGET      = var.entry_point # what functions-framework starts
    DATABASE_USER        = trimsuffix(google_service_account.this.email, ".gserviceaccount.com")
    POOL_SIZE            = tostring(var.sizing.pool_size)
    THREADS              = tostring(var.sizing.threads)
    STATEMENT_TIMEOUT_MS = tostring(local.statement_timeout_ms)

    CLOUD_RUN_TIMEOUT_SECONDS = tostring(var.sizing.timeout_seconds) # what functions-framework ends a request after
  })

  # Probes. The first connection through Direct VPC may take a minute, and Cloud Run waits four at most. The first probe
  # comes before the port is open, so the next ones follow soon.
  startup_seconds        = 240
  startup_period_seconds = 2

  # A probe waits for a thread like any request: an instance is dead only where none was free for longer than a request
  # may take.
  liveness_period_seconds = 60
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

# A right is believed after some minutes, two as a rule (Google, Access change propagation): that to deploy the function,
# and its own to log in to the database, which its startup probe asks for.
resource "time_sleep" "until_believed" {
  create_duration = "120s"

  depends_on = [google_service_account_iam_member.deploys, google_project_iam_member.database]
}

resource "google_cloud_run_v2_service" "this" {
  name        = var.name
  location    = var.region
  description = var.summary
  labels      = var.labels
  ingress     = var.is_public ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY"

  deletion_protection = true # a function that goes is first asked to: README.md

  # Of all revisions together, so that a canary needs no more connections than the function has. They take effect at
  # once, without a new revision: infra/deploy/warm.py raises the lower one before a sale.
  scaling {
    min_instance_count = var.sizing.min_instances
    max_instance_count = var.sizing.max_instances
  }

  binary_authorization {
    use_default = true # image.tf
  }

  template {
    service_account                  = google_service_account.this.email
    timeout                          = "${var.sizing.timeout_seconds}s"
    max_instance_request_concurrency = var.sizing.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    labels                           = var.labels

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY" # gateways are reached directly, without NAT's cold start
      network_interfaces {
        network    = var.network.network
        subnetwork = var.network.subnetwork
      }
    }

    containers {
      image = var.image

      resources {
        limits            = { cpu = tostring(var.sizing.cpu), memory = "${var.sizing.memory_mb}Mi" }
        cpu_idle          = true # paid for while requests run
        startup_cpu_boost = true
      }

      ports {
        container_port = 8080
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = local.startup_period_seconds
        timeout_seconds   = local.startup_period_seconds
        failure_threshold = local.startup_seconds / local.startup_period_seconds
        http_get {
          path = "/health/ready"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = local.liveness_period_seconds
        timeout_seconds   = local.liveness_period_seconds
        failure_threshold = ceil(var.sizing.timeout_seconds / local.liveness_period_seconds) + 2
        http_get {
          path = "/health/live"
          port = 8080
        }
      }
    }
  }

  lifecycle {
    # Traffic is moved by infra/deploy and stays pinned to revisions by name between releases: a plan that gave it back
    # to the latest would move everybody at once. client is who touched the service last.
    ignore_changes = [traffic, client, client_version]

    precondition {
      condition     = var.sizing.min_instances <= var.sizing.max_instances
      error_message = "${var.name}: min_instances (${var.sizing.min_instances}) is above max_instances (${var.sizing.max_instances})."
    }
    precondition {
      condition     = length("fn-${var.name}") <= 30
      error_message = "${var.name}: a service account's id has at most 30 characters, \"fn-\" included."
    }
  }

  # The startup probe asks the database, and the code the secrets.
  depends_on = [
    time_sleep.until_believed,
    google_sql_user.this,
    google_secret_manager_secret_iam_member.reads,
  ]
}
