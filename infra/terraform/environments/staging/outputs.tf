output "public_url" {
  value = module.karcis.public_url
}

output "addresses" {
  value = module.karcis.addresses
}

output "certificate_record" {
  value = module.karcis.certificate_record
}

output "functions" {
  value = module.karcis.functions
}

output "route_rules" {
  value = module.karcis.route_rules
}

output "database" {
  value = module.karcis.database
}

output "connections" {
  value = module.karcis.connections
}
