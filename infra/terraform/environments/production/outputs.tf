output "public_url" {
  description = "Where buyers reach the product."
  value       = module.karcis.public_url
}

output "addresses" {
  description = "What the domain's A and AAAA records must say."
  value       = module.karcis.addresses
}

output "certificate_record" {
  description = "The DNS record that proves the domain is ours."
  value       = module.karcis.certificate_record
}

output "functions" {
  description = "Every function: its Cloud Run service, its account, who may call it and what it may use."
  value       = module.karcis.functions
}

output "route_rules" {
  description = "The URL map: patterns to functions, in the order in which they are tried."
  value       = module.karcis.route_rules
}

output "database" {
  description = "What a client of the database needs to know."
  value       = module.karcis.database
}

output "connections" {
  description = "The budget of connections: needed when every function is scaled out, allowed, and in reach of the machine."
  value       = module.karcis.connections
}
