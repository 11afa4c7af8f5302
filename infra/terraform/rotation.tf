# Which secrets are replaced how often, and how somebody is told that it is time. docs/runbook.md says how each is
# replaced, under "Rotating keys".

locals {
  rotation_days = {
    code-signing-key      = 180
    jwt-signing-key       = 180
    waiting-room-key      = 180
    field-encryption-key  = 365
    midtrans-client-key   = 365
    midtrans-server-key   = 365
    sendgrid-api-key      = 365
    sendgrid-webhook-key  = 365
    xendit-api-key        = 365
    whatsapp-access-token = 365
    whatsapp-app-secret   = 365
    whatsapp-verify-token = 365
    xendit-callback-token = 365
  }

  # A new one would make worthless what is printed, encrypted or sent. Those who know them are few; escrow.py keeps them.
  never_rotated = toset(["fingerprint-key", "ticket-qr-key", "ticket-signing-key", "unsubscribe-signing-key"])
}

# The day on which a reminder is first due stays in the state; Secret Manager counts on from it by itself. Each secret has its
# own: a day that others share would be past when a secret is added later, and Secret Manager refuses that.
resource "time_offset" "first_rotation" {
  for_each = local.rotation_days

  offset_days = each.value
}

resource "google_pubsub_topic" "rotation" {
  name         = "secret-rotation"
  kms_key_name = google_kms_crypto_key.this["messages"].id

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_pubsub_topic_iam_member" "rotation" {
  topic  = google_pubsub_topic.rotation.id
  role   = "roles/pubsub.publisher"
  member = google_project_service_identity.agents["secretmanager.googleapis.com"].member
}

# A reminder waits here until somebody has done it and takes it away: as long as one waits, the alert stands.
resource "google_pubsub_subscription" "rotation" {
  name                       = "secret-rotation"
  topic                      = google_pubsub_topic.rotation.id
  message_retention_duration = "${31 * 24 * 60 * 60}s" # the longest there is

  expiration_policy {
    ttl = "" # never: it is read twice a year
  }
}
