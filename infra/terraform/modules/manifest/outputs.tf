# One output, so that nothing of a wrong manifest gets past the precondition.
output "contents" {
  description = "Functions by name, with the defaults and empty lists filled in; topics, queues, secrets, buckets, time zone."
  value = {
    functions = local.functions
    topics    = local.topics
    queues    = local.declared.queues
    secrets   = toset(keys(local.declared.secrets))
    buckets   = toset(keys(local.declared.buckets))
    time_zone = local.declared.time_zone
  }

  precondition {
    condition     = length(local.faults) == 0
    error_message = "${basename(var.file)}: ${join("; ", local.faults)}."
  }
}
