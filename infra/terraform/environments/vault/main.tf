# The vault: what must survive the loss of production. It is applied by hand, by people who don't apply production, with
# a state of its own: no pipeline has rights here (docs/disaster.md).

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.46"
    }
  }

  backend "gcs" {
    prefix = "vault" # the bucket is given to init: -backend-config=bucket=...
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

module "vault" {
  source = "../../modules/vault"

  project_id            = var.project_id
  region                = var.region
  database_region       = var.database_region
  retention_days        = var.retention_days
  export_writers        = var.export_writers
  export_writer_role    = var.export_writer_role
  escrow_writers        = var.escrow_writers
  break_glass_group     = var.break_glass_group
  alert_emails          = var.alert_emails
  notification_channels = var.notification_channels
  runbook               = var.runbook
}
