# functions/manifest.yaml is the list of what there is. Every for_each here begins with it.

module "manifest" {
  source = "./modules/manifest"

  file = coalesce(var.manifest_file, "${path.module}/../../functions/manifest.yaml")
}

locals {
  root = "${path.module}/../.."

  # A function as it is deployed here: the manifest's, with this environment's instances.
  functions = {
    for name, entry in module.manifest.contents.functions : name => merge(entry, {
      service_name  = replace(name, "_", "-")
      min_instances = coalesce(try(var.sizing[name].min_instances, null), entry.min_instances)
      max_instances = coalesce(try(var.sizing[name].max_instances, null), min(entry.max_instances, var.max_instances_limit))
    })
  }

  public_functions = { for name, entry in local.functions : name => entry if entry.public }

  # What Google calls: tasks, jobs and messages.
  called_functions = {
    for name, entry in local.functions : name => entry
    if length(entry.tasks) + length(entry.jobs) + length(entry.subscribes) > 0
  }

  public_url = "https://${var.domain}"

  # Cloud Run's deterministic address: known before the function exists, and the same string that
  # shared/cloud/settings.py makes of FUNCTION_URL_TEMPLATE, where it is the audience of every token.
  function_url_template = "https://{name}-${var.project_number}.${var.region}.run.app"
  function_urls         = { for name, entry in local.functions : name => replace(local.function_url_template, "{name}", entry.service_name) }
}
