variable "project_id" {
  description = "The project of the vault: not the one whose database is exported, and with other owners."
  type        = string
}

variable "region" {
  description = "Where exports are kept: not the region of the database."
  type        = string

  validation {
    condition     = var.region != var.database_region
    error_message = "The vault is in the database's own region, ${var.database_region}: it would be lost with it."
  }
}

variable "database_region" {
  description = "The region of the database that is exported."
  type        = string
}

variable "retention_days" {
  description = "How long nobody can delete an export: 35 days, or more."
  type        = number
  default     = 35

  validation {
    condition     = var.retention_days >= 35
    error_message = "retention_days is 35 or more: damage that is found after a month must not be all that is left."
  }
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

  validation {
    condition     = contains(["roles/storage.objectCreator", "roles/storage.legacyBucketWriter"], var.export_writer_role)
    error_message = "export_writer_role is a role that can't read: roles/storage.objectCreator or roles/storage.legacyBucketWriter."
  }
}

variable "escrow_writers" {
  description = "Who adds escrowed keys: the account that releases, as infra/deploy/escrow.py runs as a build of it."
  type        = list(string)
  default     = []
}

variable "break_glass_group" {
  description = "Who may read, as group:NAME: people who can't change the first project alone."
  type        = string

  validation {
    condition     = startswith(var.break_glass_group, "group:")
    error_message = "break_glass_group is a group, as group:break-glass@example.com: who is in it changes without an apply."
  }
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
