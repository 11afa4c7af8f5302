# What the vault's own operators decide; modules/vault checks it.

variable "project_id" {
  description = "The project of the vault: not the one whose database is exported, and with other owners."
  type        = string
}

variable "region" {
  description = "Where exports are kept: not the region of the database. Singapore is the nearest."
  type        = string
  default     = "asia-southeast1"
}

variable "database_region" {
  description = "The region of the database that is exported."
  type        = string
  default     = "asia-southeast2"
}

variable "retention_days" {
  description = "How long nobody can delete an export: 35 days, or more."
  type        = number
  default     = 35
}

variable "export_writers" {
  description = "Who adds exports: the service account of each database instance. Empty until there is one."
  type        = list(string)
  default     = []
}

variable "export_writer_role" {
  description = "Creating only. roles/storage.legacyBucketWriter (also deletes, and never before the retention's end) where Cloud SQL insists."
  type        = string
  default     = "roles/storage.objectCreator"
}

variable "escrow_writers" {
  description = "Who adds escrowed keys: the account that releases, as infra/deploy/escrow.py runs as a build of it."
  type        = list(string)
  default     = []
}

variable "break_glass_group" {
  description = "Who may read, as group:NAME: people who can't change the first project alone."
  type        = string
}

variable "alert_emails" {
  description = "Who is told by mail that no export has come, and that somebody has read."
  type        = list(string)
  default     = []
}

variable "notification_channels" {
  description = "Who is woken by it: ids of channels of the vault's project, made by hand, as they hold secrets."
  type        = list(string)
  default     = []
}

variable "runbook" {
  description = "The address of docs/runbook.md."
  type        = string
}
