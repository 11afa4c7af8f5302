# Places for secrets, without values: a value in Terraform is a value in its state. README.md says how each is made.

resource "google_secret_manager_secret" "this" {
  for_each = module.manifest.contents.secrets

  secret_id           = each.key
  deletion_protection = true
  version_destroy_ttl = "${7 * 24 * 60 * 60}s" # a destroyed version can be brought back for a week

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

  depends_on = [google_kms_crypto_key_iam_member.users]
}
