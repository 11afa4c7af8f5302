output "exports_bucket" {
  description = "Where the nightly exports go: vault.exports_bucket of the environment that is exported."
  value       = module.vault.exports_bucket
}

output "escrow_bucket" {
  description = "Where escrowed keys go: vault.escrow_bucket of the environment that they belong to."
  value       = module.vault.escrow_bucket
}
