# Nobody releases alone: what a pull request runs as can only read, what plans can only ask, and a person approves.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "what_is_built_and_released" {
  command = plan

  # a release waits for a person
  assert {
    condition     = google_cloudbuild_trigger.approved["release"].approval_config[0].approval_required
    error_message = "A release needs nobody's approval."
  }

  assert {
    condition = alltrue([
      for member in concat(values(google_project_iam_member.planner), values(google_project_iam_member.reviewer)) :
      contains(["roles/viewer", "roles/iam.securityReviewer", "roles/logging.logWriter", "roles/serviceusage.serviceUsageConsumer"], member.role)
    ])
    error_message = "Who plans may change something."
  }

  assert {
    condition = (
      toset(keys(google_storage_bucket_iam_binding.no_viewers)) == toset(["pipeline", "tickets"])
      && alltrue([for binding in google_storage_bucket_iam_binding.no_viewers : !anytrue([for member in binding.members : startswith(member, "projectViewer")])])
    )
    error_message = "Who plans may read tickets, or what waits to be released."
  }

  assert {
    condition     = toset(keys(google_service_account_iam_member.releaser_deploys_as)) == toset(["builder", "exporter", "invoker", "planner", "prewarmer", "releaser", "smoke"])
    error_message = "The release may not act as an account that a build, a delivery or a trigger of its plan names."
  }

  assert {
    condition     = alltrue([for grant in google_service_account_iam_member.releaser_deploys_as : grant.member == google_service_account.releaser.member])
    error_message = "Somebody else than the release may deploy as a function."
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.sub == 'repo:example/karcis:pull_request'"
    error_message = "Others than this repository's pull requests are believed."
  }

  assert {
    condition     = length(setintersection(keys(google_project_iam_member.releaser), ["roles/owner", "roles/editor"])) == 0
    error_message = "The release may do everything."
  }

  assert {
    condition     = google_cloudbuild_trigger.plan[0].github[0].push[0].tag == "^v[0-9]" && google_cloudbuild_trigger.plan[0].github[0].push[0].branch == null
    error_message = "Production is released by something else than a tag."
  }

  # what is released is what the pipeline has signed
  assert {
    condition     = google_kms_crypto_key.release.purpose == "ASYMMETRIC_SIGN"
    error_message = "The key of releases does not sign."
  }

  assert {
    condition = (
      google_kms_crypto_key_iam_member.planner_signs.member == google_service_account.planner.member
      && google_kms_crypto_key_iam_member.planner_signs.role == "roles/cloudkms.signer"
      && google_kms_crypto_key_iam_member.releaser_verifies.role == "roles/cloudkms.publicKeyViewer"
    )
    error_message = "Somebody else than the pipeline's first half signs, or the second can't look."
  }

  assert {
    condition     = google_cloudbuild_trigger.approved["contract"].approval_config[0].approval_required
    error_message = "The database contracts without anybody's approval."
  }

  assert {
    condition = alltrue([
      for trigger in values(google_cloudbuild_trigger.approved) :
      trigger.substitutions["_SHA256"] == "$(body.message.attributes.sha256)"
    ])
    error_message = "Who approves does not see the SHA-256 of what they approve."
  }

  # production takes what staging has released
  assert {
    condition = (
      length(google_cloudbuild_trigger.image) == 0
      && google_cloudbuild_trigger.plan[0].substitutions["_BUILT"] == var.image_source
      && google_artifact_registry_repository_iam_member.planner_takes_over.repository == "functions"
    )
    error_message = "Production builds an image of its own."
  }

  assert {
    condition     = alltrue([for repository in google_artifact_registry_repository.images : repository.docker_config[0].immutable_tags])
    error_message = "A commit's image may be replaced."
  }

  assert {
    condition = (
      google_kms_crypto_key.attestation.purpose == "ASYMMETRIC_SIGN"
      && google_kms_crypto_key_iam_member.planner_attests.member == google_service_account.planner.member
      && google_container_analysis_note_iam_member.planner_attests.member == google_service_account.planner.member
    )
    error_message = "Somebody else than the pipeline attests."
  }
}

run "production_without_staging_is_refused" {
  command = plan

  variables {
    image_source = null
  }

  expect_failures = [var.image_source]
}

run "staging_builds_and_lets_production_fetch_what_it_has_released" {
  command = plan

  variables {
    environment            = "staging"
    image_source           = null
    released_image_readers = ["serviceAccount:pipeline-plan@example-karcis-production.iam.gserviceaccount.com"]
  }

  assert {
    condition = (
      google_cloudbuild_trigger.image[0].filename == "infra/deploy/image.yaml"
      && google_cloudbuild_trigger.image[0].github[0].push[0].branch == google_cloudbuild_trigger.plan[0].github[0].push[0].branch
      && google_cloudbuild_trigger.plan[0].substitutions["_BUILT"] == google_cloudbuild_trigger.plan[0].substitutions["_IMAGE"]
      && google_artifact_registry_repository_iam_member.planner_takes_over.role == "roles/artifactregistry.reader"
    )
    error_message = "What staging plans is not what it has built."
  }

  assert {
    condition     = alltrue([for grant in google_artifact_registry_repository_iam_member.released_readers : grant.repository == "released" && grant.role == "roles/artifactregistry.reader"])
    error_message = "Production may do more than fetch what was released."
  }
}
