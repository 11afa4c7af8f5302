# Instances are kept warm while a big sale opens. The function `prewarm` knows from the database when that is, and may start this
# workflow; the workflow may set the instances of the functions that a sale needs, and knows both of their numbers. So who takes
# over the function can at most have them warmed. It sets no other field, and nothing when they have their number already.

locals {
  # By service. A function never gets more than it may have in this environment.
  scaling = {
    for name, entry in local.functions : entry.service_name => {
      usual   = entry.min_instances
      on_sale = max(entry.min_instances, min(entry.on_sale_instances, entry.max_instances))
    } if entry.on_sale_instances > 0
  }
  scaled_functions = [for name, entry in local.functions : name if entry.on_sale_instances > 0]
}

resource "google_service_account" "prewarmer" {
  account_id   = "prewarmer"
  display_name = "Sets minimum instances while a sale opens"
}

resource "google_project_iam_custom_role" "prewarmer" {
  role_id     = "instanceScaler"
  title       = "Sets the instances of a service"
  permissions = ["run.services.get", "run.services.update"]
}

resource "google_cloud_run_v2_service_iam_member" "prewarmer" {
  for_each = toset(local.scaled_functions)

  name     = module.function[each.key].name
  location = var.region
  role     = google_project_iam_custom_role.prewarmer.name
  member   = google_service_account.prewarmer.member
}

# Cloud Run asks this of whoever changes anything of a service.
resource "google_service_account_iam_member" "prewarmer_acts_as" {
  for_each = toset(local.scaled_functions)

  service_account_id = "projects/${var.project_id}/serviceAccounts/${module.function[each.key].service_account}"
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.prewarmer.member
}

resource "google_project_iam_member" "prewarmer_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.prewarmer.member
}

resource "google_workflows_workflow" "prewarm" {
  name                = "prewarm"
  region              = var.region
  description         = "Sets minimum instances while a sale opens"
  service_account     = google_service_account.prewarmer.id
  source_contents     = file("${local.root}/infra/deploy/prewarm.workflow.yaml")
  call_log_level      = "LOG_ERRORS_ONLY"
  deletion_protection = false # it holds nothing

  user_env_vars = { SCALING = jsonencode(local.scaling) }

  depends_on = [google_project_service.this]
}
