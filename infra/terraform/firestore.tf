# Counters that all instances share (shared/cloud/counters.py). They forget by themselves.

locals {
  # Collection to the field that says until when a document counts.
  expiring_collections = { rate_limits = "expires_at" }
}

resource "google_firestore_database" "default" {
  name                              = "(default)"
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  cmek_config {
    kms_key_name = google_kms_crypto_key.this["documents"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_firestore_field" "expiry" {
  for_each = local.expiring_collections

  database   = google_firestore_database.default.name
  collection = each.key
  field      = each.value

  ttl_config {}
  index_config {} # no index: one over ever-growing times is a hot spot, and nobody asks by it
}

# Clients have no business here: functions come with IAM, which rules don't concern.
resource "google_firebaserules_ruleset" "firestore" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/firestore.rules")
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_firebaserules_release" "firestore" {
  name         = "cloud.firestore"
  ruleset_name = google_firebaserules_ruleset.firestore.name

  depends_on = [google_firestore_database.default]
}
