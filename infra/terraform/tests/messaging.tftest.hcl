# Nothing that is said is lost: every subscription ends in a dead-letter topic that somebody keeps.

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "every_subscription_has_a_dead_letter" {
  command = plan

  assert {
    condition     = length(google_pubsub_subscription.this) == sum([for entry in values(local.functions) : length(entry.subscribes)])
    error_message = "The manifest has other subscriptions."
  }

  assert {
    condition = alltrue([
      for subscription in google_pubsub_subscription.this : length(subscription.dead_letter_policy) == 1 && length(subscription.retry_policy) == 1
    ])
    error_message = "A subscription has no dead letter or no back-off."
  }

  assert {
    condition = (
      toset(keys(google_pubsub_subscription.dead)) == toset(keys(google_pubsub_topic.this))
      && alltrue([for dead in google_pubsub_subscription.dead : dead.message_retention_duration == "1209600s"])
    )
    error_message = "A dead-letter topic has nobody who keeps its messages for two weeks."
  }

  assert {
    condition = (
      toset(keys(google_pubsub_topic_iam_member.dead_letters_arrive)) == toset(keys(google_pubsub_topic.dead))
      && toset(keys(google_pubsub_subscription_iam_member.dead_letters_leave)) == toset(keys(google_pubsub_subscription.this))
    )
    error_message = "Pub/Sub may not move a message to its dead-letter topic: both grants are needed."
  }

  assert {
    condition = alltrue([
      for name, subscription in google_pubsub_subscription.this :
      subscription.push_config[0].oidc_token[0].service_account_email == google_service_account.invoker.email
      && startswith(subscription.push_config[0].push_endpoint, "${subscription.push_config[0].oidc_token[0].audience}/messages/")
    ])
    error_message = "A push isn't signed as shared/web/deliveries.py verifies it."
  }

  assert {
    condition = alltrue([
      for name, queue in yamldecode(file("../../functions/manifest.yaml")).queues :
      google_cloud_tasks_queue.this[name].retry_config[0].max_attempts == queue.max_attempts
    ])
    error_message = "A queue tries another number of times than the manifest says."
  }

  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.this : job.time_zone == "Asia/Jakarta" && length(job.http_target[0].oidc_token) == 1])
    error_message = "A job runs in another time zone, or unsigned."
  }
}
