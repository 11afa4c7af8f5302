# Who builds and releases. cloudbuild.yaml proves a commit and plans it; infra/deploy/release.yaml, which a person
# approves, applies that plan and moves the traffic. Nothing here holds a key.

locals {
  has_pipeline     = var.repository != null
  repository_owner = try(split("/", var.repository)[0], "")
  repository_name  = try(split("/", var.repository)[1], "")
  repository_url   = "https://github.com/${coalesce(var.repository, "none")}"

  # The same commit goes to staging from main, and to production by a tag.
  release_branch = var.environment == "staging" ? "^main$" : null
  release_tag    = var.environment == "production" ? "^v[0-9]" : null

  # The builds that a person approves: infra/deploy/<name>.yaml, each asked for by a message to the topic of its name.
  approved_builds = {
    release = {
      description = "Applies the plan of a proven commit, step by step"
      substitutions = {
        _ENVIRONMENT  = var.environment
        _STATE_BUCKET = var.state_bucket
        _RELEASED     = local.released_image
      }
    }
    contract = {
      description   = "Takes away from the database what only the release before used"
      substitutions = {}
    }
  }

  # What a plan needs: to read everything, to say what it finds, and to ask in the project's name
  # (user_project_override in environments/).
  reading_roles = toset([
    "roles/iam.securityReviewer",
    "roles/logging.logWriter",
    "roles/serviceusage.serviceUsageConsumer",
    "roles/viewer",
  ])

  # What Terraform makes, service by service; and the right to give functions theirs.
  releaser_roles = toset([
    "roles/artifactregistry.admin",
    "roles/binaryauthorization.attestorsAdmin",
    "roles/binaryauthorization.policyEditor",
    "roles/certificatemanager.owner",
    "roles/cloudbuild.builds.editor",
    "roles/cloudbuild.workerPoolOwner",
    "roles/cloudkms.admin",
    "roles/cloudquotas.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudsql.admin",
    "roles/cloudsql.instanceUser",
    "roles/cloudtasks.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/containeranalysis.notes.editor",
    "roles/datastore.owner",
    "roles/firebaserules.admin",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/logging.admin",
    "roles/monitoring.admin",
    "roles/pubsub.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
    "roles/workflows.admin",
  ])
}

resource "google_service_account" "planner" {
  account_id   = "pipeline-plan"
  display_name = "Tests a commit and plans its release"
}

resource "google_service_account" "releaser" {
  account_id   = "pipeline-release"
  display_name = "Applies an approved plan, migrates, moves traffic"
}

resource "google_project_iam_member" "planner" {
  # checkov:skip=CKV_GCP_117:A plan reads everything there is; viewer reads no secret's value and no ticket (buckets.tf); Firestore's documents it may, which are public pages and counts
  for_each = local.reading_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.planner.member
}

resource "google_project_iam_member" "releaser" {
  # checkov:skip=CKV_GCP_41:It makes the functions' accounts, so it must be able to deploy as any of them
  # checkov:skip=CKV_GCP_42:The release makes service accounts and gives each its rights, after a person's approval
  # checkov:skip=CKV_GCP_46:This account is nobody's default
  # checkov:skip=CKV_GCP_49:as CKV_GCP_42
  # checkov:skip=CKV_GCP_117:Its roles are service by service; none of owner, editor and viewer
  for_each = local.releaser_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.releaser.member
}

# What it makes acts as these accounts: builds, deliveries, triggers. The functions' own are in modules/function.
resource "google_service_account_iam_member" "releaser_deploys_as" {
  for_each = {
    builder   = google_service_account.builder.name
    exporter  = google_service_account.exporter.name
    invoker   = google_service_account.invoker.name
    planner   = google_service_account.planner.name
    prewarmer = google_service_account.prewarmer.name
    releaser  = google_service_account.releaser.name
    smoke     = google_service_account.smoke.name
  }

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.releaser.member
}

resource "google_storage_bucket_iam_member" "planner_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectUser" # a plan takes the lock
  member = google_service_account.planner.member
}

# The owner of the tables: it runs the migrations, and makes each function's login a member of its function's role.
resource "google_sql_user" "releaser" {
  instance       = google_sql_database_instance.main.name
  name           = trimsuffix(google_service_account.releaser.email, ".gserviceaccount.com")
  type           = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles = ["cloudsqlsuperuser"]
}

# Plans, archives and reports, for as long as a release may be asked about.
resource "google_storage_bucket" "pipeline" {
  # checkov:skip=CKV_GCP_62:Access is in the audit log (logging.tf), which has data access switched on for storage
  # checkov:skip=CKV_GCP_63:as CKV_GCP_62: there is no log bucket that could be this one
  name                        = "${var.project_id}-pipeline"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.this["storage"].id
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 365
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_storage_bucket_iam_member" "planner_artefacts" {
  bucket = google_storage_bucket.pipeline.name
  role   = "roles/storage.objectCreator" # an artefact that was approved is never replaced
  member = google_service_account.planner.member
}

# Machines inside the network, as the migrations reach the database over its private address only; and in the region,
# whose shared machines a new project may not use.
resource "google_cloudbuild_worker_pool" "release" {
  # checkov:skip=CKV_GCP_86:A release fetches Terraform's providers and Python packages, and asks the product from outside
  name     = "release"
  location = var.region

  network_config {
    peered_network = google_compute_network.main.id
  }
  worker_config {
    machine_type   = "e2-standard-4"
    disk_size_gb   = 100
    no_external_ip = false # it fetches packages
  }

  depends_on = [google_service_networking_connection.services]
}

resource "google_project_iam_member" "works_in_the_pool" {
  for_each = { builder = google_service_account.builder.member, planner = google_service_account.planner.member }

  project = var.project_id
  role    = "roles/cloudbuild.workerPoolUser"
  member  = each.value
}

# Builds the image of what has come to main, while `plan` tests it. Where images come from another environment, none is.
resource "google_cloudbuild_trigger" "image" {
  count = local.has_pipeline && var.image_source == null ? 1 : 0

  name            = "image"
  description     = "Builds a commit's image"
  location        = var.region
  filename        = "infra/deploy/image.yaml"
  service_account = google_service_account.builder.id

  github {
    owner = local.repository_owner
    name  = local.repository_name
    push {
      branch = local.release_branch
      tag    = local.release_tag
    }
  }

  substitutions = {
    _COMMIT = "$COMMIT_SHA"
    _REGION = var.region
  }
}

resource "google_cloudbuild_trigger" "plan" {
  count = local.has_pipeline ? 1 : 0

  name            = "plan"
  description     = "Proves a commit, plans it, and asks for its release"
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.planner.id

  github {
    owner = local.repository_owner
    name  = local.repository_name
    push {
      branch = local.release_branch
      tag    = local.release_tag
    }
  }

  substitutions = {
    _ENVIRONMENT     = var.environment
    _STATE_BUCKET    = var.state_bucket
    _PIPELINE_BUCKET = google_storage_bucket.pipeline.name
    _RELEASE_KEY     = google_kms_crypto_key.release.id
    _WORKER_POOL     = google_cloudbuild_worker_pool.release.id
    _BUILT           = coalesce(var.image_source, local.image)
    _IMAGE           = local.image
    _ATTESTOR        = google_binary_authorization_attestor.pipeline.id
    _ATTESTATION_KEY = "${google_kms_crypto_key.attestation.id}/cryptoKeyVersions/1"
  }
}

# How a plan asks to be released, and a release to take away from the database what only the code before it used.
# Starting the triggers themselves would take the right to act as `pipeline-release`, and so to do without the approval.
resource "google_pubsub_topic" "approved" {
  for_each = local.approved_builds

  name         = each.key
  kms_key_name = google_kms_crypto_key.this["messages"].id

  depends_on = [google_kms_crypto_key_iam_member.users]
}

moved {
  from = google_pubsub_topic.release
  to   = google_pubsub_topic.approved["release"]
}

moved {
  from = google_pubsub_topic.contract
  to   = google_pubsub_topic.approved["contract"]
}

resource "google_pubsub_topic_iam_member" "planner_asks" {
  topic  = google_pubsub_topic.approved["release"].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.planner.member
}

resource "google_cloudbuild_trigger" "approved" {
  for_each = { for name, build in local.approved_builds : name => build if local.has_pipeline }

  name            = each.key
  description     = each.value.description
  location        = var.region
  service_account = google_service_account.releaser.id

  pubsub_config {
    topic = google_pubsub_topic.approved[each.key].id
  }

  # Only its YAML file and fetch.py are read from here. What is released is in the artefact: the files that were proven.
  source_to_build {
    uri       = local.repository_url
    ref       = "refs/heads/main"
    repo_type = "GITHUB"
  }
  git_file_source {
    path      = "infra/deploy/${each.key}.yaml"
    uri       = local.repository_url
    revision  = "refs/heads/main"
    repo_type = "GITHUB"
  }

  approval_config {
    approval_required = true
  }

  substitutions = merge({
    _PIPELINE_BUCKET = google_storage_bucket.pipeline.name
    _REGION          = var.region
    _RELEASE_KEY     = "${google_kms_crypto_key.release.id}/cryptoKeyVersions/1"
    _WORKER_POOL     = google_cloudbuild_worker_pool.release.id
    _ARTEFACT        = "$(body.message.attributes.artefact)"
    _SHA256          = "$(body.message.attributes.sha256)"
  }, each.value.substitutions)
}

moved {
  from = google_cloudbuild_trigger.release[0]
  to   = google_cloudbuild_trigger.approved["release"]
}

moved {
  from = google_cloudbuild_trigger.contract[0]
  to   = google_cloudbuild_trigger.approved["contract"]
}
