variable "name" {
  description = "Name of the function and of its Cloud Run service, with hyphens."
  type        = string
}

variable "image" {
  description = "The image of all functions, by digest."
  type        = string
}

variable "entry_point" {
  description = "Its name in the manifest, which the root main.py turns into its code."
  type        = string
}

variable "summary" {
  description = "What it does, in one line."
  type        = string
}

variable "project_id" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "is_public" {
  description = "Whether the load balancer may reach it, for anybody."
  type        = bool
}

variable "is_called" {
  description = "Whether tasks, jobs or messages are delivered to it."
  type        = bool
}

variable "invoker" {
  description = "IAM member that delivers them."
  type        = string
}

variable "deployer" {
  description = "IAM member that deploys it in a release."
  type        = string
}

variable "environment" {
  description = "Environment variables that all functions share."
  type        = map(string)
}

variable "labels" {
  description = "Labels of the function, for the bill."
  type        = map(string)
}

variable "sizing" {
  description = "The numbers of the manifest: MB, vCPU, seconds, requests at once, threads, instances, connections of one instance."
  type = object({
    memory_mb       = number
    cpu             = number
    timeout_seconds = number
    concurrency     = number
    threads         = number
    min_instances   = number
    max_instances   = number
    pool_size       = number
  })
}

variable "network" {
  description = "The network through which it reaches the database."
  type        = object({ network = string, subnetwork = string })
}

variable "database" {
  description = "Name of the Cloud SQL instance it may log in to."
  type        = string
}

variable "replicas" {
  description = "Names of the read replicas it may log in to."
  type        = list(string)
  default     = []
}

variable "secrets" {
  description = "Secrets it may read, by name."
  type        = map(string)
}

variable "topics" {
  description = "Topics it may publish to, by name."
  type        = map(string)
}

variable "buckets" {
  description = "Buckets in which it may read and add objects, by name."
  type        = map(string)
}

variable "queues" {
  description = "Queues it may add tasks to, by name."
  type        = map(string)
}

variable "dead_letters" {
  description = "Subscriptions of dead letters it may pull from, by topic."
  type        = map(string)
}

variable "workflows" {
  description = "Workflows it may start."
  type        = list(string)
  default     = []
}

variable "task_identity" {
  description = "Name of the service account in whose name its tasks are delivered."
  type        = string
}

variable "deletes_files" {
  description = "Whether it may list and delete in its buckets, too."
  type        = bool
  default     = false
}

variable "shares_cache" {
  description = "Whether it reads or ends what all instances share in Firestore."
  type        = bool
  default     = false
}
