# What a disaster leaves: exports that nobody can take away, and somebody who is told when they end.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "what_outlives_a_disaster" {
  command = plan

  # the database leaves the project every night
  assert {
    condition = (
      google_cloud_scheduler_job.export["nightly"].schedule == "30 4 * * *"
      && google_workflows_workflow.export["nightly"].user_env_vars["BUCKET"] == var.vault.exports_bucket
      && !startswith(var.vault.exports_bucket, "${var.project_id}-")
    )
    error_message = "The export does not go to the vault, every night."
  }

  assert {
    condition     = toset(google_project_iam_custom_role.exporter.permissions) == toset(["cloudsql.instances.export", "cloudsql.instances.get"])
    error_message = "Who exports may do something else."
  }

  assert {
    condition = (
      toset(keys(google_project_iam_member.exporter)) == toset(["exports", "starts", "logs"])
      && google_project_iam_member.exporter["starts"].role == "roles/workflows.invoker"
      && google_project_iam_member.exporter["logs"].role == "roles/logging.logWriter"
    )
    error_message = "Who exports may do something else."
  }

  assert {
    condition     = length(setsubtract(["export-failed", "export-missing", "drift", "drift-unchecked", "secret-rotation"], keys(google_monitoring_alert_policy.this))) == 0
    error_message = "Nobody is told when exports end, the cloud drifts, or a secret is old."
  }

  # 23 hours of the query, and three that it must last.
  assert {
    condition     = strcontains(local.alerts.export-missing.query, "[23h]") && local.alerts.export-missing.lasts == "10800s"
    error_message = "A missing export is told of at another time than after 26 hours."
  }

  # what was released is planned every day by who can only read
  assert {
    condition = (
      google_cloudbuild_trigger.drift[0].git_file_source[0].path == "infra/deploy/drift.yaml"
      && google_cloud_scheduler_job.drift[0].schedule == "0 6 * * *"
    )
    error_message = "Nobody compares the cloud with what was released."
  }

  assert {
    condition     = strcontains(google_storage_bucket_iam_member.planner_reads_release.condition[0].expression, "/objects/released.tar.gz'")
    error_message = "Who plans may read more of the pipeline's bucket than the last release."
  }

  # every secret is rotated or never
  assert {
    condition = (
      setunion(keys(local.rotation_days), local.never_rotated) == module.manifest.contents.secrets
      && length(setintersection(keys(local.rotation_days), local.never_rotated)) == 0
    )
    error_message = "A secret of the manifest is in neither list of rotation.tf, or in both."
  }

  assert {
    condition = alltrue([
      for name, secret in google_secret_manager_secret.this :
      length(secret.rotation) == (contains(local.never_rotated, name) ? 0 : 1) && length(secret.topics) == length(secret.rotation)
    ])
    error_message = "A secret reminds of what must never happen, or never of what must."
  }

  # One that is added years later would otherwise begin with a reminder in the past, which Secret Manager refuses.
  assert {
    condition     = toset(keys(time_offset.first_rotation)) == toset(keys(local.rotation_days))
    error_message = "Secrets share the day on which they are first to be replaced."
  }

  assert {
    condition     = strcontains(local.alerts.messages-waiting.query, "subscription_id!=\"secret-rotation\"")
    error_message = "A reminder that waits for a person is taken for a message that a function has left."
  }
}

run "production_has_a_vault" {
  command = plan

  variables {
    vault = null
  }

  expect_failures = [var.vault]
}

run "a_bucket_of_the_same_project_is_no_vault" {
  command = plan

  variables {
    vault = { exports_bucket = "example-karcis-exports", escrow_bucket = "example-vault-escrow" }
  }

  expect_failures = [var.vault]
}
