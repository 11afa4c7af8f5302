# PostgreSQL, reached over the private network and by IAM login only: there are no passwords.

locals {
  database_flags = {
    "cloudsql.iam_authentication" = "on"
    "max_connections"             = tostring(var.database.max_connections)

    # What happened, never with people's data: statements come with $1 for values (the driver binds them), and terse
    # leaves out the DETAIL of an error, which quotes the row.
    "log_checkpoints"            = "on"
    "log_connections"            = "on"
    "log_disconnections"         = "on"
    "log_lock_waits"             = "on"
    "log_temp_files"             = "0"
    "log_min_messages"           = "warning"
    "log_min_error_statement"    = "error"
    "log_min_duration_statement" = "-1" # slow statements are in Query Insights, normalized
    "log_error_verbosity"        = "terse"
    "log_statement"              = "ddl"
    "cloudsql.enable_pgaudit"    = "on"
    "pgaudit.log"                = "ddl,role"
  }

  # Connections when every function is scaled out: its maximum is that of all its revisions together, in a canary too.
  # On top of that a revision that is new, or has a tag and no traffic, runs one instance of its own to be tried.
  connections          = sum([for entry in values(local.functions) : entry.max_instances * entry.pool_size])
  connections_tried    = sum(values(local.functions)[*].pool_size)
  connections_needed   = local.connections + local.connections_tried + var.database.reserved_connections
  database_memory_mb   = tonumber(reverse(split("-", var.database.tier))[0]) * (strcontains(var.database.tier, "perf-optimized") ? 8 * 1024 : 1)
  connections_in_reach = floor(local.database_memory_mb / 20) # 20 MB each, buffers and work_mem included: our rule of thumb
}

resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_108:log_hostname resolves every address at login, which costs a lookup in a sale and says nothing about functions
  # checkov:skip=CKV2_GCP_13:log_duration writes a line for every statement; Query Insights has their durations
  # checkov:skip=CKV_GCP_111:log_statement is ddl; mod and all would write people's data into the log
  name                = "main"
  region              = var.region
  database_version    = "POSTGRES_18"
  encryption_key_name = google_kms_crypto_key.this["database"].id

  deletion_protection = true # Terraform's own refusal; settings.deletion_protection_enabled is the API's

  settings {
    tier                        = var.database.tier
    edition                     = var.database.edition # unset means Enterprise Plus, which has other tiers
    availability_type           = var.database.availability
    disk_type                   = "PD_SSD"
    disk_size                   = var.database.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = true
    retain_backups_on_delete    = true
    connector_enforcement       = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
      server_ca_mode  = "GOOGLE_MANAGED_INTERNAL_CA"
    }

    # R-004, R-005: daily backups kept 30 days, and any moment of the last 7.
    backup_configuration {
      enabled                        = true
      start_time                     = "20:00" # UTC: three at night in Jakarta
      location                       = var.region
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 30
        retention_unit   = "COUNT"
      }
    }

    final_backup_config {
      enabled        = true
      retention_days = 30
    }

    maintenance_window {
      day          = 1                                                     # Monday evening in UTC, which is
      hour         = 19                                                    # Tuesday, 02:00 in Jakarta: no sale opens then
      update_track = var.environment == "production" ? "stable" : "canary" # staging meets an update first
    }

    insights_config {
      query_insights_enabled  = true
      query_string_length     = 2048
      record_application_tags = true
      record_client_address   = false
    }

    dynamic "database_flags" {
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [settings[0].disk_size] # it grows by itself; what is smaller would be another instance

    precondition {
      condition     = local.connections_needed <= var.database.max_connections
      error_message = "Connection budget: ${local.connections} when all functions are scaled out, ${local.connections_tried} for one instance each of a new revision, and ${var.database.reserved_connections} in reserve are ${local.connections_needed}, above max_connections = ${var.database.max_connections}. Lower max_instances or pool_size in functions/manifest.yaml, or raise the database."
    }
    precondition {
      condition     = var.database.max_connections <= local.connections_in_reach
      error_message = "max_connections = ${var.database.max_connections} is more than ${var.database.tier} can hold at 20 MB each: ${local.connections_in_reach}."
    }
  }

  depends_on = [google_service_networking_connection.services, google_kms_crypto_key_iam_member.users]
}

# Where reports are read, if there is one: some seconds behind, and nothing depends on it (shared/cloud/database.py).
resource "google_sql_database_instance" "replica" {
  # checkov:skip=CKV_GCP_108:see above
  # checkov:skip=CKV2_GCP_13:see above
  # checkov:skip=CKV_GCP_111:see above
  # checkov:skip=CKV_GCP_14:a replica is not backed up; its primary is
  count = var.database.replica_tier == null ? 0 : 1

  name                 = "replica"
  region               = var.region
  database_version     = google_sql_database_instance.main.database_version
  master_instance_name = google_sql_database_instance.main.name
  encryption_key_name  = google_sql_database_instance.main.encryption_key_name

  deletion_protection = false # it holds nothing of its own

  settings {
    tier                  = var.database.replica_tier
    edition               = var.database.edition
    availability_type     = "ZONAL"
    disk_type             = "PD_SSD"
    disk_size             = var.database.disk_gb
    disk_autoresize       = true
    connector_enforcement = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
      server_ca_mode  = "GOOGLE_MANAGED_INTERNAL_CA"
    }

    insights_config {
      query_insights_enabled  = true
      query_string_length     = 2048
      record_application_tags = true
      record_client_address   = false
    }

    dynamic "database_flags" { # max_connections may not be below the primary's
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    ignore_changes = [settings[0].disk_size] # as the primary's
  }
}

resource "google_sql_database" "main" {
  name     = "karcis"
  instance = google_sql_database_instance.main.name
}
