output "public_url" {
  description = "Where buyers reach the product."
  value       = local.public_url
}

output "addresses" {
  description = "What the domain's A and AAAA records must say."
  value       = { for version, address in google_compute_global_address.main : version => address.address }
}

output "certificate_record" {
  description = "The DNS record that proves the domain is ours."
  value       = one(google_certificate_manager_dns_authorization.main.dns_resource_record[*])
}

output "functions" {
  description = "Every function: its Cloud Run service, its account, who may call it and what it may use."
  value = {
    for name, function in module.function : name => {
      service         = function.name
      service_account = function.service_account
      ingress         = function.ingress
      invokers        = function.invokers
      rights          = function.rights
      environment     = function.environment
    }
  }
}

output "route_rules" {
  description = "The URL map: patterns to functions, in the order in which they are tried."
  value       = local.route_rules
}

output "database" {
  description = "What a client of the database needs to know."
  value = {
    instance = google_sql_database_instance.main.connection_name
    name     = google_sql_database.main.name

    # Who writes exports: one of export_writers of environments/vault.
    service_account = google_sql_database_instance.main.service_account_email_address
  }
}

output "connections" {
  description = "The budget of connections: needed when every function is scaled out, allowed, and in reach of the machine."
  value = {
    needed   = local.connections_needed
    allowed  = var.database.max_connections
    in_reach = local.connections_in_reach
  }
}

output "quota" {
  description = "Processors and GiB when every function is scaled out, and what was asked of Google."
  value = {
    cpus       = { needed = local.cpus_needed, asked = var.run_quota.cpus }
    memory_gib = { needed = local.memory_gib_needed, asked = var.run_quota.memory_gib }
  }
}

output "pages" {
  description = "Addresses of pages, each with the function that shows it. One that ends in /* is everything below."
  value       = local.pages
}
