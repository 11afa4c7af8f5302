# What an operator decides; each is described in the root's variables.tf.

variable "project_id" {
  type = string
}

variable "project_number" {
  type = string
}

variable "region" {
  type    = string
  default = "asia-southeast2"
}

variable "domain" {
  type = string
}

variable "state_bucket" {
  type = string
}

variable "image" {
  description = "The image of all functions, by digest: TF_VAR_image, and not in a file (README.md)."
  type        = string
}

variable "run_quota" {
  type = object({
    cpus       = number
    memory_gib = number
    contact    = optional(string)
  })
  default = { cpus = 120, memory_gib = 120 }
}

variable "released_image_readers" {
  type    = list(string)
  default = []
}

variable "vault" {
  description = "Buckets of another project and region, made by environments/vault."
  type = object({
    exports_bucket = string
    escrow_bucket  = string
  })
  default = null
}

variable "repository" {
  type    = string
  default = null
}

variable "budget" {
  type = object({
    billing_account = string
    currency        = string
    amount          = number
  })
  default = null
}

variable "notification_channels" {
  description = "Who is woken by CRITICAL alerts, besides the mails: ids of Cloud Monitoring's channels."
  type        = list(string)
  default     = []
}

variable "alert_emails" {
  type    = list(string)
  default = []
}

variable "alert_thresholds" {
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
  type    = map(string)
  default = {}
}

variable "sizing" {
  type = map(object({
    min_instances = optional(number)
    max_instances = optional(number)
  }))
  default = {}
}

variable "webhook_ranges" {
  type    = list(string)
  default = []
}

variable "waf_preview_until" {
  type    = string
  default = null
}

variable "requests_per_minute" {
  type = object({
    standard = optional(number)
    accounts = optional(number)
    webhook  = optional(number)
  })
  default = {}
}

variable "minimum_tls_version" {
  type    = string
  default = "TLS_1_3"
}

variable "database" {
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
