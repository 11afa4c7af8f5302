project_id     = "example-karcis"
project_number = "123456789012"
environment    = "production"
domain         = "tickets.example.com"
state_bucket   = "example-karcis-state"
vault          = { exports_bucket = "example-vault-exports", escrow_bucket = "example-vault-escrow" }
repository     = "example/karcis"
database       = { tier = "db-custom-8-32768", max_connections = 1000 }
image          = "asia-southeast2-docker.pkg.dev/example-karcis/functions/karcis@sha256:0000000000000000000000000000000000000000000000000000000000000000"
image_source   = "asia-southeast2-docker.pkg.dev/example-karcis-staging/released/karcis"
run_quota      = { cpus = 300, memory_gib = 250, contact = "operations@example.com" }
