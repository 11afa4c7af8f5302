output "functions" {
  description = "Every function by its name, with the defaults and empty lists filled in."
  value       = local.functions

  precondition {
    condition     = length(local.faults) == 0
    error_message = "${basename(var.file)}: ${join("; ", local.faults)}."
  }
}

output "topics" {
  description = "The topics that are published or heard."
  value       = local.topics
}

output "queues" {
  description = "Cloud Tasks queues by name, with their limits."
  value       = local.declared.queues
}

output "secrets" {
  description = "Names of the secrets."
  value       = toset(keys(local.declared.secrets))
}

output "buckets" {
  description = "Names of the buckets, without the project's prefix."
  value       = toset(keys(local.declared.buckets))
}

output "time_zone" {
  description = "Of the schedules."
  value       = try(local.document.time_zone, "")
}
