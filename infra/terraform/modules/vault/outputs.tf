output "exports_bucket" {
  description = "Where the nightly exports go: vault.exports_bucket of the environment that is exported."
  value       = google_storage_bucket.this["exports"].name
}

output "escrow_bucket" {
  description = "Where escrowed keys go: vault.escrow_bucket of the environment that they belong to."
  value       = google_storage_bucket.this["escrow"].name
}
