# The database can always be logged in to, and can be restored.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "the_database_as_it_is_planned" {
  command = plan

  # the connection budget holds when everything scales out: S-001, S-002
  assert {
    condition = (
      output.connections.needed
      == sum([for entry in values(local.functions) : (entry.max_instances + 1) * entry.pool_size]) + var.database.reserved_connections
      && output.connections.needed <= output.connections.allowed
      && output.connections.allowed <= output.connections.in_reach
    )
    error_message = "The budget is not what the manifest makes of it."
  }

  assert {
    condition = alltrue([
      for name, entry in local.functions : tonumber(output.functions[name].environment.POOL_SIZE) == entry.pool_size
    ])
    error_message = "A function opens another number of connections than the budget counts."
  }

  assert {
    condition = (
      google_sql_database_instance.main.deletion_protection
      && google_sql_database_instance.main.settings[0].deletion_protection_enabled
      && google_sql_database_instance.main.settings[0].availability_type == "REGIONAL"
      && !google_sql_database_instance.main.settings[0].ip_configuration[0].ipv4_enabled
      && google_sql_database_instance.main.settings[0].backup_configuration[0].point_in_time_recovery_enabled
      && google_sql_database_instance.main.settings[0].backup_configuration[0].transaction_log_retention_days == 7
      && google_sql_database_instance.main.settings[0].backup_configuration[0].backup_retention_settings[0].retained_backups == 30
    )
    error_message = "Not what R-002, R-005, R-007 and R-008 ask for: regional, private, 30 backups, 7 days of any moment, protected."
  }

  # Hours since Monday began, in Jakarta: seven ahead of UTC, by which Google counts.
  assert {
    condition = alltrue([
      for window in google_sql_database_instance.main.settings[0].maintenance_window : (window.day - 1) * 24 + window.hour + 7 == 24 + 2
    ])
    error_message = "Maintenance is not on Tuesday at 02:00 in Jakarta."
  }

  # reports are read from the primary unless there is a replica
  assert {
    condition = (
      length(google_sql_database_instance.replica) == 0
      && alltrue([for each in output.functions : !contains(keys(each.environment), "REPLICA_INSTANCE")])
    )
    error_message = "A replica that nobody has asked for."
  }
}

run "a_replica_is_as_private_as_its_primary_and_takes_as_many_connections" {
  command = plan

  variables {
    database = { tier = "db-custom-8-32768", max_connections = 1000, replica_tier = "db-custom-2-8192" }
  }

  assert {
    condition = alltrue([
      for replica in google_sql_database_instance.replica : (
        replica.master_instance_name == google_sql_database_instance.main.name
        && replica.settings[0].tier == "db-custom-2-8192"
        && !replica.settings[0].ip_configuration[0].ipv4_enabled
        && toset(replica.settings[0].database_flags) == toset(google_sql_database_instance.main.settings[0].database_flags)
      )
    ]) && length(google_sql_database_instance.replica) == 1
    error_message = "The replica is not what reports need."
  }
}

run "a_budget_that_is_exceeded_fails" {
  command = plan

  variables {
    database = { tier = "db-custom-8-32768", max_connections = 100 }
  }

  expect_failures = [google_sql_database_instance.main]
}

run "instances_added_for_a_sale_count" {
  command = plan

  variables {
    sizing    = { reserve = { max_instances = 300 } }
    run_quota = { cpus = 1000, memory_gib = 1000 }
  }

  expect_failures = [google_sql_database_instance.main]
}

run "more_connections_than_the_machine_can_hold_fail" {
  command = plan

  variables {
    database = { tier = "db-custom-1-3840", max_connections = 1000 }
  }

  expect_failures = [google_sql_database_instance.main]
}
