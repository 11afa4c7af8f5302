# What differs between environments. What the product consists of is not here: functions/manifest.yaml says it.

variable "project_id" {
  description = "The Google Cloud project. It holds one environment and nothing else."
  type        = string
}

variable "project_number" {
  description = "Its number: Google's own service agents and the functions' addresses are named by it."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number is the number, not the id: gcloud projects describe ID --format='value(projectNumber)'."
  }
}

variable "region" {
  description = "Where people's data stays: Jakarta (UU PDP, article 56)."
  type        = string
  default     = "asia-southeast2"
}

variable "environment" {
  description = "staging or production."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment is staging or production."
  }
}

variable "domain" {
  description = "The host name buyers use, as tickets.example.com."
  type        = string
}

variable "manifest_file" {
  description = "Another manifest than functions/manifest.yaml (tests)."
  type        = string
  default     = null
}

variable "image" {
  description = "The image of all functions by digest, which a release is given by the pipeline: TF_VAR_image. By hand: README.md."
  type        = string

  validation {
    condition     = can(regex("^${replace(local.image, ".", "[.]")}@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is one of this project's by digest, ${local.image}@sha256:...: a tag may say something else tomorrow."
  }
}

variable "image_source" {
  description = "Where the environment before this one puts the images it has released, as asia-southeast2-docker.pkg.dev/PROJECT/released/karcis. Null: images are built here."
  type        = string
  default     = null

  validation {
    condition     = var.environment != "production" || var.repository == null || var.image_source != null
    error_message = "Production releases what staging has released: image_source names staging's released images."
  }
}

variable "released_image_readers" {
  description = "Who may fetch the images released here: the member pipeline-plan of the environment after this one."
  type        = list(string)
  default     = []
}

variable "run_quota" {
  description = "Processors and GiB of memory that all instances together may have in the region (quotas of Cloud Run), and who answers Google's questions about it. No contact: they are not asked for."
  type = object({
    cpus       = number
    memory_gib = number
    contact    = optional(string)
  })
  default = { cpus = 300, memory_gib = 250 }
}

variable "minimum_tls_version" {
  description = "TLS_1_3 (SEC-001). TLS_1_2 only while a gateway's notifications prove to need it."
  type        = string
  default     = "TLS_1_3"

  validation {
    condition     = contains(["TLS_1_2", "TLS_1_3"], var.minimum_tls_version)
    error_message = "minimum_tls_version is TLS_1_2 or TLS_1_3."
  }
}

variable "settings" {
  description = "Settings of the product (shared/cloud/settings.py) by the names of their environment variables."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.known_settings)) == 0
    error_message = "shared/cloud/settings.py has no setting ${join(", ", setsubtract(keys(var.settings), local.known_settings))}."
  }
}

variable "sizing" {
  description = "Instances of single functions, where this environment or this week's sale wants other than the manifest."
  type = map(object({
    min_instances = optional(number)
    max_instances = optional(number)
  }))
  default = {}

  # An unknown name would change nothing, silently, on the day of the sale.
  validation {
    condition     = length(setsubtract(keys(var.sizing), keys(module.manifest.contents.functions))) == 0
    error_message = "The manifest has no function ${join(", ", setsubtract(keys(var.sizing), keys(module.manifest.contents.functions)))}."
  }
}

variable "max_instances_limit" {
  description = "No function gets more instances than this, whatever the manifest says."
  type        = number
  default     = 100
}

variable "database" {
  description = "Size of Cloud SQL, the connections kept for migrations, operators and Google itself, and the machine of a read replica for reports (null: reports are read from the primary)."
  type = object({
    tier                 = string
    edition              = optional(string, "ENTERPRISE")
    availability         = optional(string, "REGIONAL")
    disk_gb              = optional(number, 50)
    max_connections      = number
    reserved_connections = optional(number, 30)
    replica_tier         = optional(string)
  })

  validation {
    condition     = can(regex("^db-(custom|perf-optimized-N)-", var.database.tier))
    error_message = "database.tier is a dedicated machine, as db-custom-4-16384: a shared one has no service level."
  }

  validation {
    condition     = contains(["REGIONAL", "ZONAL"], var.database.availability)
    error_message = "database.availability is REGIONAL or ZONAL."
  }
}

variable "requests_per_minute" {
  description = "What one address may ask of one function. Generous: thousands of Indonesian phones share an address (CGNAT), and the product limits each account."
  type = object({
    standard = optional(number, 12000)
    accounts = optional(number, 6000)
    webhook  = optional(number, 3000)
  })
  default = {}

  validation {
    condition     = min(values(var.requests_per_minute)...) >= 1
    error_message = "requests_per_minute is 1 or more: Cloud Armor slows down, and closes nothing. docs/runbook.md closes endpoints."
  }
}

variable "waf_preview_until" {
  description = "Until which day (UTC, as 2027-02-01) the preconfigured WAF rules only log. Null: they refuse."
  type        = string
  default     = null

  validation {
    condition     = var.waf_preview_until == null || can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", var.waf_preview_until))
    error_message = "waf_preview_until is a day, as 2027-02-01."
  }

  validation {
    condition     = var.waf_preview_until == null || try(timecmp("${var.waf_preview_until}T00:00:00Z", timeadd(plantimestamp(), "744h")) <= 0, true)
    error_message = "waf_preview_until is a month ahead at most: a preview that has no end protects nobody."
  }
}

variable "webhook_ranges" {
  description = "Address ranges that gateways, SendGrid and Meta notify from, where they publish them. Empty: any; their signatures decide."
  type        = list(string)
  default     = []
}

variable "budget" {
  description = "Monthly budget in the billing account's currency, which warns at 50, 90 and 100 %. Null: none here."
  type = object({
    billing_account = string
    currency        = string
    amount          = number
  })
  default = null
}

variable "alert_emails" {
  description = "Who is told of alerts, by mail. Empty: nobody, and Cloud Monitoring only shows them."
  type        = list(string)
  default     = []
}

variable "notification_channels" {
  description = "Who is woken by CRITICAL alerts, besides the mails: ids of channels (PagerDuty, webhook, SMS) made by hand, as they hold secrets."
  type        = list(string)
  default     = []
}

variable "alert_thresholds" {
  description = "From when on MON calls somebody."
  type = object({
    webhook_rejections_per_hour = optional(number, 20)
    sign_in_failures_per_hour   = optional(number, 3000)
    payment_mismatches_per_day  = optional(number, 5)
    repairs_per_day             = optional(number, 50)
    mails_undelivered_percent   = optional(number, 5)
    chat_undelivered_percent    = optional(number, 10)
  })
  default = {}
}

variable "repository" {
  description = "The repository on GitHub, as owner/name: where the pipeline takes its source from. Null: no pipeline here."
  type        = string
  default     = null
}

variable "vault" {
  description = "Buckets of another project and region, made by environments/vault: for nightly exports of the database, and for escrowed keys. Null: none, and the loss of the project is the loss of everything."
  type = object({
    exports_bucket = string
    escrow_bucket  = string
  })
  default = null

  validation {
    condition     = var.vault != null || var.environment != "production"
    error_message = "Production needs a vault: apply environments/vault first, and name its buckets (docs/disaster.md)."
  }

  validation {
    condition     = !anytrue([for bucket in values(coalesce(var.vault, {})) : startswith(coalesce(bucket, ""), "${var.project_id}-")])
    error_message = "vault names a bucket of this very project: it would be lost with it."
  }
}

variable "state_bucket" {
  description = "The bucket with this environment's Terraform state, which the pipeline needs. See README.md."
  type        = string
}
