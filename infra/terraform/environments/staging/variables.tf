# What an operator decides, in the root's own words (variables.tf there), which also checks it.

variable "project_id" {
  description = "The Google Cloud project. It holds one environment and nothing else."
  type        = string
}

variable "project_number" {
  description = "Its number: Google's own service agents and the functions' addresses are named by it."
  type        = string
}

variable "region" {
  description = "Where people's data stays: Jakarta (UU PDP, article 56)."
  type        = string
  default     = "asia-southeast2"
}

variable "domain" {
  description = "The host name buyers use, as tickets.example.com."
  type        = string
}

variable "state_bucket" {
  description = "The bucket with this environment's Terraform state, which the pipeline needs. See README.md."
  type        = string
}

variable "image" {
  description = "The image of all functions by digest, which a release is given by the pipeline: TF_VAR_image. By hand: README.md."
  type        = string
}

variable "run_quota" {
  description = "Processors and GiB of memory that all instances together may have in the region (quotas of Cloud Run), and who answers Google's questions about it. No contact: they are not asked for."
  type = object({
    cpus       = number
    memory_gib = number
    contact    = optional(string)
  })
  default = { cpus = 130, memory_gib = 120 }
}

variable "released_image_readers" {
  description = "Who may fetch the images released here: the member pipeline-plan of the environment after this one."
  type        = list(string)
  default     = []
}

variable "vault" {
  description = "Buckets of another project and region, made by environments/vault: for nightly exports of the database, and for escrowed keys. Null: none, and the loss of the project is the loss of everything."
  type = object({
    exports_bucket = string
    escrow_bucket  = string
  })
  default = null
}

variable "repository" {
  description = "The repository on GitHub, as owner/name: where the pipeline takes its source from. Null: no pipeline here."
  type        = string
  default     = null
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

variable "notification_channels" {
  description = "Who is woken by CRITICAL alerts, besides the mails: ids of channels (PagerDuty, webhook, SMS) made by hand, as they hold secrets."
  type        = list(string)
  default     = []
}

variable "alert_emails" {
  description = "Who is told of alerts, by mail. Empty: nobody, and Cloud Monitoring only shows them."
  type        = list(string)
  default     = []
}

variable "alert_thresholds" {
  description = "From when on MON calls somebody."
  type = object({
    webhook_rejections_per_hour = optional(number)
    sign_in_failures_per_hour   = optional(number)
    payment_mismatches_per_day  = optional(number)
    repairs_per_day             = optional(number)
    mails_undelivered_percent   = optional(number)
  })
  default = {}
}

variable "settings" {
  description = "Settings of the product (shared/cloud/settings.py) by the names of their environment variables."
  type        = map(string)
  default     = {}
}

variable "sizing" {
  description = "Instances of single functions, where this environment or this week's sale wants other than the manifest."
  type = map(object({
    min_instances = optional(number)
    max_instances = optional(number)
  }))
  default = {}
}

variable "webhook_ranges" {
  description = "Address ranges that gateways, SendGrid and Meta notify from, where they publish them. Empty: any; their signatures decide."
  type        = list(string)
  default     = []
}

variable "waf_preview_until" {
  description = "Until which day (UTC, as 2027-02-01) the preconfigured WAF rules only log. Null: they refuse."
  type        = string
  default     = null
}

variable "requests_per_minute" {
  description = "What one address may ask of one function. Generous: thousands of Indonesian phones share an address (CGNAT), and the product limits each account."
  type = object({
    standard = optional(number)
    accounts = optional(number)
    webhook  = optional(number)
  })
  default = {}
}

variable "minimum_tls_version" {
  description = "TLS_1_3 (SEC-001). TLS_1_2 only while a gateway's notifications prove to need it."
  type        = string
  default     = "TLS_1_3"
}

variable "database" {
  description = "Size of Cloud SQL, the connections kept for migrations, operators and Google itself, and the machine of a read replica for reports (null: reports are read from the primary)."
  type = object({
    tier                 = string
    max_connections      = number
    reserved_connections = optional(number)
    disk_gb              = optional(number)
    replica_tier         = optional(string)
    availability         = optional(string)
  })
  default = {
    tier            = "db-custom-2-7680"
    max_connections = 300
    availability    = "ZONAL"
    disk_gb         = 20
  }
}
