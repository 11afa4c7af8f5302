# One archive deploys every function: main.py hands out the entry points, so a cold start imports only its own.
# What goes in is listed. All else in the folder is excluded by its first name, hidden files (a .env, .git) and what
# somebody has left there (a dump) too.

locals {
  source_names = ["main.py", "requirements.txt", "functions", "shared"]
  beside       = setunion(fileset(local.root, "[^.]*"), fileset(local.root, "[^.]*/**"))
  left_out = setunion(
    [".*", "**/__pycache__"],
    setsubtract([for file in local.beside : split("/", file)[0]], local.source_names),
  )
}

data "archive_file" "source" {
  type             = "zip"
  source_dir       = local.root
  excludes         = setunion(local.left_out, [for name in local.left_out : "${name}/**"])
  output_path      = "${path.root}/.build/source.zip"
  output_file_mode = "0644" # the same files make the same archive, whatever the machine's umask
}

resource "google_storage_bucket" "source" {
  # checkov:skip=CKV_GCP_62:Access is in the audit log (logging.tf), which has data access switched on for storage
  # checkov:skip=CKV_GCP_63:as CKV_GCP_62: there is no log bucket that could be this one
  name                        = "${var.project_id}-source"
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
      days_since_noncurrent_time = 30
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

# The name carries the hash of the content: another source is another object, and that is what deploys it.
resource "google_storage_bucket_object" "source" {
  bucket = google_storage_bucket.source.name
  name   = "source-${data.archive_file.source.output_sha256}.zip"
  source = data.archive_file.source.output_path
}

resource "google_artifact_registry_repository" "images" {
  location      = var.region
  repository_id = "functions"
  description   = "Images of the functions"
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.this["images"].id

  cleanup_policies {
    id     = "keep-what-can-be-rolled-back-to"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
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
