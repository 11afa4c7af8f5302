# Our own keys for everything at rest (SEC-002), so that whoever holds them can end all access to it.

locals {
  # Key to the service agent that encrypts with it.
  key_users = {
    database  = google_project_service_identity.agents["sqladmin.googleapis.com"].member
    documents = google_project_service_identity.agents["firestore.googleapis.com"].member
    images    = google_project_service_identity.agents["artifactregistry.googleapis.com"].member
    messages  = google_project_service_identity.agents["pubsub.googleapis.com"].member
    secrets   = google_project_service_identity.agents["secretmanager.googleapis.com"].member
    storage   = data.google_storage_project_service_account.agent.member
  }
}

resource "google_kms_key_ring" "main" {
  name     = "main"
  location = var.region

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "this" {
  for_each = local.key_users

  name            = each.key
  key_ring        = google_kms_key_ring.main.id
  rotation_period = "7776000s" # 90 days

  lifecycle {
    prevent_destroy = true # what it has encrypted would be gone with it
  }
}

resource "google_kms_crypto_key_iam_member" "users" {
  for_each = local.key_users

  crypto_key_id = google_kms_crypto_key.this[each.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

# Signs what the pipeline has proven. Who plans may sign, who releases may look at the public half: an archive that
# somebody else puts into the bucket, or names in a message, is not released.
resource "google_kms_crypto_key" "release" {
  # checkov:skip=CKV_GCP_43:Keys that sign don't rotate by themselves; what an older version has signed must stay proven
  name     = "release"
  key_ring = google_kms_key_ring.main.id
  purpose  = "ASYMMETRIC_SIGN"

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = "SOFTWARE"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "planner_signs" {
  crypto_key_id = google_kms_crypto_key.release.id
  role          = "roles/cloudkms.signer"
  member        = google_service_account.planner.member
}

resource "google_kms_crypto_key_iam_member" "releaser_verifies" {
  crypto_key_id = google_kms_crypto_key.release.id
  role          = "roles/cloudkms.publicKeyViewer"
  member        = google_service_account.releaser.member
}

# Signs the image that the pipeline has proven (image.tf): Cloud Run starts no other.
resource "google_kms_crypto_key" "attestation" {
  # checkov:skip=CKV_GCP_43:as the key of releases: what an older version has attested must stay so
  name     = "attestation"
  key_ring = google_kms_key_ring.main.id
  purpose  = "ASYMMETRIC_SIGN"

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = "SOFTWARE"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "planner_attests" {
  crypto_key_id = google_kms_crypto_key.attestation.id
  role          = "roles/cloudkms.signerVerifier"
  member        = google_service_account.planner.member
}

# Every plan looks at the public half, for the attestor.
resource "google_kms_crypto_key_iam_member" "attestation_viewers" {
  for_each = { releaser = google_service_account.releaser.member, reviewer = google_service_account.reviewer.member }

  crypto_key_id = google_kms_crypto_key.attestation.id
  role          = "roles/cloudkms.publicKeyViewer"
  member        = each.value
}

data "google_kms_crypto_key_version" "attestation" {
  crypto_key = google_kms_crypto_key.attestation.id
}
