# What all instances share: counters of callers' requests (shared/cloud/counters.py), and the pages and lists that
# everybody sees (shared/cloud/cache.py). Both forget by themselves.

locals {
  # Collection to the field that says until when a document counts.
  expiring_collections = { rate_limits = "expires_at", cache = "expires_at" }

  # Fields that are written all the time and asked by never: an index would only make each write slower.
  unindexed_fields = {
    for name in ["cache.content", "cache.content_at", "rate_limits.count"] :
    name => { collection = split(".", name)[0], field = split(".", name)[1] }
  }
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

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed_fields

  database   = google_firestore_database.default.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}
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
