# Staging: the same, smaller. What it consists of is in the root, what it is called in terraform.tfvars.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.46"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 7.46"
    }
  }

  backend "gcs" {
    prefix = "karcis" # the bucket is given to init: -backend-config=bucket=...
  }
}

provider "google" {
  project = var.project_id
  region  = var.region

  # Budgets are asked for in a project's name.
  billing_project       = var.project_id
  user_project_override = true
}

provider "google-beta" {
  project = var.project_id
  region  = var.region
}

module "karcis" {
  source = "../.."

  environment    = "staging"
  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  domain         = var.domain
  state_bucket   = var.state_bucket
  vault          = var.vault
  repository     = var.repository
  budget         = var.budget
  alert_emails   = var.alert_emails

  image                  = var.image
  run_quota              = var.run_quota
  released_image_readers = var.released_image_readers

  notification_channels = var.notification_channels
  settings              = var.settings
  sizing                = var.sizing
  webhook_ranges        = var.webhook_ranges

  waf_preview_until   = var.waf_preview_until
  requests_per_minute = var.requests_per_minute
  minimum_tls_version = var.minimum_tls_version
  alert_thresholds    = var.alert_thresholds
  max_instances_limit = 2
  database            = var.database
}
