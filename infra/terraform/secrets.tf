# Places for secrets, without values: a value in Terraform is a value in its state. README.md says how each is made.

resource "google_secret_manager_secret" "this" {
  for_each = module.manifest.contents.secrets

  secret_id           = each.key
  deletion_protection = true
  version_destroy_ttl = "${7 * 24 * 60 * 60}s" # a destroyed version can be brought back for a week

  dynamic "topics" {
    for_each = contains(keys(local.rotation_days), each.key) ? [google_pubsub_topic.rotation.id] : []
    content {
      name = topics.value
    }
  }

  dynamic "rotation" {
    for_each = [for days in [lookup(local.rotation_days, each.key, null)] : days if days != null]
    content {
      rotation_period    = "${rotation.value * 24 * 60 * 60}s"
      next_rotation_time = time_offset.first_rotation[each.key].rfc3339
    }
  }

  replication {
    user_managed {
      replicas {
        location = var.region
        customer_managed_encryption {
          kms_key_name = google_kms_crypto_key.this["secrets"].id
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [rotation[0].next_rotation_time] # Secret Manager counts it on
  }

  depends_on = [google_kms_crypto_key_iam_member.users, google_pubsub_topic_iam_member.rotation]
}
