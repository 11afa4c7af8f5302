# How much of Cloud Run this project may use in its region. A new project may have less than one function needs.

locals {
  # When every function is scaled out, and one instance of each is new and has no traffic yet.
  cpus_needed       = sum([for entry in values(local.functions) : (entry.max_instances + 1) * entry.cpu])
  memory_gib_needed = ceil(sum([for entry in values(local.functions) : (entry.max_instances + 1) * entry.memory_mb]) / 1024)

  quotas = {
    CpuAllocPerProjectRegion = var.run_quota.cpus * 1000 # in thousandths of a processor
    MemAllocPerProjectRegion = var.run_quota.memory_gib * pow(1024, 3)
  }
}

resource "google_cloud_quotas_quota_preference" "run" {
  for_each = var.run_quota.contact == null ? {} : local.quotas

  parent        = "projects/${var.project_id}"
  name          = "run-${lower(each.key)}"
  service       = "run.googleapis.com"
  quota_id      = each.key
  dimensions    = { region = var.region }
  contact_email = var.run_quota.contact

  quota_config {
    preferred_value = each.value
  }

  depends_on = [google_project_service.this]
}

resource "terraform_data" "quota_is_enough" {
  input = [local.cpus_needed, local.memory_gib_needed]

  lifecycle {
    precondition {
      condition     = local.cpus_needed <= var.run_quota.cpus && local.memory_gib_needed <= var.run_quota.memory_gib
      error_message = "Quota: all functions scaled out take ${local.cpus_needed} processors and ${local.memory_gib_needed} GiB, above run_quota = ${var.run_quota.cpus} and ${var.run_quota.memory_gib}. Lower max_instances, or ask Google for more."
    }
  }
}
