# The one image of all functions (Dockerfile at the root): where it is kept, who may put it there, and what Cloud Run
# believes. infra/deploy/image.yaml builds it once for each commit; cloudbuild.yaml scans and attests it.

locals {
  image          = "${var.region}-docker.pkg.dev/${var.project_id}/functions/karcis"
  released_image = "${var.region}-docker.pkg.dev/${var.project_id}/released/karcis"

  repositories = {
    functions = "Images that were built, or taken over from the environment before"
    released  = "Images that were released here: what the environment after this one may take over"
  }
}

resource "google_artifact_registry_repository" "images" {
  for_each = local.repositories

  location      = var.region
  repository_id = each.key
  description   = each.value
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.this["images"].id

  docker_config {
    immutable_tags = true # a commit has one image
  }

  cleanup_policies {
    id     = "keep-what-can-be-rolled-back-to"
    action = "KEEP"
    most_recent_versions {
      keep_count = 30
    }
  }

  cleanup_policies {
    id     = "forget-the-rest"
    action = "DELETE"
    condition {
      older_than = "${90 * 24 * 60 * 60}s"
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

moved {
  from = google_artifact_registry_repository.images
  to   = google_artifact_registry_repository.images["functions"]
}

# Who builds. The default account has no rights in new organizations, and too many in old ones.
resource "google_service_account" "builder" {
  account_id   = "builder"
  display_name = "Builds the functions' image"
}

resource "google_project_iam_member" "builder" {
  # checkov:skip=CKV_GCP_42:It adds where an image's SBOM is, and there is no narrower role for that
  for_each = toset([
    "roles/containeranalysis.notes.editor", # for the SBOM's reference
    "roles/containeranalysis.occurrences.editor",
    "roles/logging.logWriter",
  ])

  project = var.project_id
  role    = each.key
  member  = google_service_account.builder.member
}

resource "google_artifact_registry_repository_iam_member" "builder_writes_images" {
  location   = google_artifact_registry_repository.images["functions"].location
  repository = google_artifact_registry_repository.images["functions"].repository_id
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}

resource "google_storage_bucket_iam_member" "builder_keeps_sboms" {
  for_each = toset(["roles/storage.legacyBucketReader", "roles/storage.objectCreator"])

  bucket = google_storage_bucket.pipeline.name
  role   = each.key
  member = google_service_account.builder.member
}

# By hand, `gcloud builds submit --gcs-source-staging-dir` puts the source here, and the build fetches it.
resource "google_storage_bucket_iam_member" "builder_reads_submitted" {
  bucket = google_storage_bucket.pipeline.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.builder.member

  condition {
    title      = "what builds were submitted with"
    expression = "resource.name.startsWith('projects/_/buckets/${google_storage_bucket.pipeline.name}/objects/source/')"
  }
}

# Who plans looks at the image, and writes it here where it is taken over from the environment before.
resource "google_artifact_registry_repository_iam_member" "planner_takes_over" {
  location   = google_artifact_registry_repository.images["functions"].location
  repository = google_artifact_registry_repository.images["functions"].repository_id
  role       = var.image_source == null ? "roles/artifactregistry.reader" : "roles/artifactregistry.writer"
  member     = google_service_account.planner.member
}

resource "google_artifact_registry_repository_iam_member" "released_readers" {
  for_each = toset(var.released_image_readers)

  location   = google_artifact_registry_repository.images["released"].location
  repository = google_artifact_registry_repository.images["released"].repository_id
  role       = "roles/artifactregistry.reader"
  member     = each.key
}

# What the pipeline has proven it attests, and Cloud Run starts nothing else.
resource "google_container_analysis_note" "proven" {
  name              = "proven"
  short_description = "Tested and scanned by the pipeline; in production also released in staging"

  attestation_authority {
    hint {
      human_readable_name = "pipeline"
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_binary_authorization_attestor" "pipeline" {
  name = "pipeline"

  attestation_authority_note {
    note_reference = google_container_analysis_note.proven.name

    public_keys {
      id = data.google_kms_crypto_key_version.attestation.id
      pkix_public_key {
        public_key_pem      = data.google_kms_crypto_key_version.attestation.public_key[0].pem
        signature_algorithm = "ECDSA_P256_SHA256"
      }
    }
  }
}

resource "google_binary_authorization_policy" "main" {
  global_policy_evaluation_mode = "ENABLE" # Google's own images

  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = "ENFORCED_BLOCK_AND_AUDIT_LOG"
    require_attestations_by = [google_binary_authorization_attestor.pipeline.name]
  }
}

# To attest: sign (kms.tf), say so at the note, and look at the attestor. To scan: on demand.
resource "google_container_analysis_note_iam_member" "planner_attests" {
  note   = google_container_analysis_note.proven.name
  role   = "roles/containeranalysis.notes.attacher"
  member = google_service_account.planner.member
}

resource "google_binary_authorization_attestor_iam_member" "planner_attests" {
  attestor = google_binary_authorization_attestor.pipeline.name
  role     = "roles/binaryauthorization.attestorsVerifier"
  member   = google_service_account.planner.member
}

resource "google_project_iam_member" "planner_attests" {
  # checkov:skip=CKV_GCP_42:It adds the attestation and asks for a scan; without its signature (kms.tf) an attestation says nothing
  for_each = toset(["roles/containeranalysis.occurrences.editor", "roles/ondemandscanning.admin"])

  project = var.project_id
  role    = each.key
  member  = google_service_account.planner.member
}

# What must be there before a new environment's first image is built and attested: the target of its first apply.
resource "terraform_data" "ready_for_an_image" {
  depends_on = [
    google_artifact_registry_repository_iam_member.builder_writes_images,
    google_binary_authorization_policy.main,
    google_cloudbuild_worker_pool.release,
    google_kms_crypto_key_iam_member.planner_attests,
    google_project_iam_member.builder,
    google_project_iam_member.works_in_the_pool,
    google_storage_bucket_iam_member.builder_keeps_sboms,
    google_storage_bucket_iam_member.builder_reads_submitted,
  ]
}
