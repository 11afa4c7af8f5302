project_id     = "example-karcis"
project_number = "123456789012"
environment    = "production"
domain         = "tickets.example.com"
state_bucket   = "example-karcis-state"
repository     = "example/karcis"
database       = { tier = "db-custom-8-32768", max_connections = 1000 }
