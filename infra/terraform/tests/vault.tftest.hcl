# Nobody can take away what is in the vault, nor read it unseen.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

variables {
  project_id        = "example-vault"
  region            = "asia-southeast1"
  database_region   = "asia-southeast2"
  break_glass_group = "group:break-glass@example.com"
  export_writers    = ["serviceAccount:p1-a@gcp-sa-cloud-sql.iam.gserviceaccount.com"]
  escrow_writers    = ["serviceAccount:pipeline-release@example-karcis.iam.gserviceaccount.com"]
  runbook           = "https://github.com/example/karcis/blob/main/docs/runbook.md"
}

run "what_is_kept_stays" {
  command = plan

  module {
    source = "./modules/vault"
  }

  assert {
    condition = alltrue([
      for bucket in google_storage_bucket.this :
      bucket.retention_policy[0].is_locked && tonumber(bucket.retention_policy[0].retention_period) >= 35 * 24 * 60 * 60
    ])
    error_message = "Somebody may delete within 35 days what is kept."
  }

  assert {
    condition = alltrue([
      for bucket in google_storage_bucket.this :
      bucket.public_access_prevention == "enforced" && bucket.uniform_bucket_level_access && length(bucket.encryption) == 0
    ])
    error_message = "Public, by single objects, or under a key that may be lost."
  }

  assert {
    condition = (
      flatten([for rule in google_storage_bucket.this["exports"].lifecycle_rule : [for when in rule.condition : when.age]]) == [36]
      && length(google_storage_bucket.this["escrow"].lifecycle_rule) == 0
    )
    error_message = "People's data is kept longer than docs/data-map.md says, or keys go while tickets are valid."
  }
}

run "who_writes_can_not_read_and_who_reads_is_seen" {
  command = plan

  module {
    source = "./modules/vault"
  }

  assert {
    condition     = alltrue([for grant in google_storage_bucket_iam_binding.writers : grant.role == "roles/storage.objectCreator"])
    error_message = "Who writes may do more than that."
  }

  assert {
    condition     = alltrue([for grant in google_storage_bucket_iam_binding.readers : toset(grant.members) == toset(["group:break-glass@example.com"])])
    error_message = "Others than the break-glass group read."
  }

  assert {
    condition = (
      toset(keys(google_monitoring_alert_policy.this)) == toset(["export-not-arrived", "vault-read"])
      && alltrue([for key, alert in google_monitoring_alert_policy.this : endswith(alert.documentation[0].content, "runbook.md#${key}")])
    )
    error_message = "A read, or that no export has come, is told to nobody."
  }
}

run "the_region_of_the_database_is_no_place_for_it" {
  command = plan

  module {
    source = "./modules/vault"
  }

  variables {
    region = "asia-southeast2"
  }

  expect_failures = [var.region]
}

run "a_month_is_the_least" {
  command = plan

  module {
    source = "./modules/vault"
  }

  variables {
    retention_days = 30
  }

  expect_failures = [var.retention_days]
}

run "who_exports_can_never_read" {
  command = plan

  module {
    source = "./modules/vault"
  }

  variables {
    export_writer_role = "roles/storage.objectAdmin"
  }

  expect_failures = [var.export_writer_role]
}

run "single_people_hold_no_key_to_the_vault" {
  command = plan

  module {
    source = "./modules/vault"
  }

  variables {
    break_glass_group = "user:somebody@example.com"
  }

  expect_failures = [var.break_glass_group]
}
