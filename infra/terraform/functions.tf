locals {
  # What every function is told, by the names of shared/cloud/settings.py. Secrets are no environment variables: the
  # code asks Secret Manager, so that a rotation needs no deploy.
  common_environment = merge(
    {
      GOOGLE_CLOUD_PROJECT  = var.project_id
      REGION                = var.region
      PUBLIC_URL            = local.public_url
      FUNCTION_URL_TEMPLATE = local.function_url_template
      INVOKER               = google_service_account.invoker.email
      DATABASE_INSTANCE     = google_sql_database_instance.main.connection_name
      DATABASE_NAME         = google_sql_database.main.name
      MEDIA_BASE_URL        = "${local.public_url}/media"
      TRACE_EXPORTER        = "cloud"
      WORKFLOWS_URL         = "https://workflowexecutions.googleapis.com"
      TRUSTED_PROXIES       = "2" # Google's load balancer appends the client and itself to X-Forwarded-For

      SECOND_FACTOR_FOR_ADMINS = "required" # whatever the code's default becomes

      THREADED_TIMEOUT_ENABLED = "true" # else a request with threads outlives the function's time-out, and keeps its locks
    },
    { for replica in google_sql_database_instance.replica : "REPLICA_INSTANCE" => replica.connection_name },
    { for name in module.manifest.contents.buckets : "${upper(replace(name, "-", "_"))}_BUCKET" => google_storage_bucket.product[name].name },
    var.settings,
  )

  known_settings = [for match in regexall("(?m)^    ([a-z][a-z_]*): (?:str|int) =", file("${local.root}/shared/cloud/settings.py")) : upper(match[0])]
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name        = each.value.service_name
  entry_point = each.key
  image       = var.image
  summary     = each.value.summary
  project_id  = var.project_id
  region      = var.region
  is_public   = each.value.public
  is_called   = contains(keys(local.called_functions), each.key)
  invoker     = google_service_account.invoker.member
  deployer    = google_service_account.releaser.member
  environment = local.common_environment
  labels      = { environment = var.environment }

  sizing = {
    memory_mb       = each.value.memory_mb
    cpu             = each.value.cpu
    timeout_seconds = each.value.timeout_seconds
    concurrency     = each.value.concurrency
    threads         = each.value.threads
    min_instances   = each.value.min_instances
    max_instances   = each.value.max_instances
    pool_size       = each.value.pool_size
  }

  network = {
    network    = google_compute_network.main.id
    subnetwork = google_compute_subnetwork.functions.id
  }

  # Its rights, one by one.
  database      = google_sql_database_instance.main.name
  replicas      = google_sql_database_instance.replica[*].name
  secrets       = { for name in each.value.secrets : name => google_secret_manager_secret.this[name].id }
  topics        = { for name in each.value.publishes : name => google_pubsub_topic.this[name].id }
  buckets       = { for name in each.value.buckets : name => google_storage_bucket.product[name].name }
  deletes_files = each.value.deletes_files
  shares_cache  = each.value.shared_cache
  queues        = { for name in each.value.enqueues : name => google_cloud_tasks_queue.this[name].name }
  dead_letters  = each.value.collects_dead_letters ? { for topic, subscription in google_pubsub_subscription.dead : topic => subscription.name } : {}
  workflows     = each.value.workflows
  task_identity = google_service_account.invoker.name

  depends_on = [google_binary_authorization_policy.main, terraform_data.quota_is_enough]
}
