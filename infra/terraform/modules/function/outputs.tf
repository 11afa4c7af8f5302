output "name" {
  description = "The Cloud Run service."
  value       = google_cloud_run_v2_service.this.name
}

output "service_account" {
  description = "E-mail of the account it runs as."
  value       = google_service_account.this.email
}

output "ingress" {
  description = "Where requests may come from."
  value       = google_cloud_run_v2_service.this.ingress
}

output "environment" {
  description = "Its environment variables. None is secret."
  value       = { for variable in google_cloud_run_v2_service.this.template[0].containers[0].env : variable.name => variable.value }
}

output "invokers" {
  description = "Who may call it."
  value       = tolist(google_cloud_run_v2_service_iam_binding.invokers.members)
}

output "rights" {
  description = "What it may use, by kind."
  value = {
    secrets      = keys(google_secret_manager_secret_iam_member.reads)
    topics       = keys(google_pubsub_topic_iam_member.publishes)
    dead_letters = keys(google_pubsub_subscription_iam_member.collects)
    queues       = keys(google_cloud_tasks_queue_iam_member.enqueues)
    workflows    = length(google_project_iam_member.starts_workflows) > 0
    buckets      = distinct([for right in local.bucket_rights : right.bucket])
  }
}
