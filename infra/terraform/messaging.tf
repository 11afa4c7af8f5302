# Topics, who hears them, and where a message goes that nobody can digest. infra/local/provision.py makes the same
# on a laptop; names and numbers are the same there.

locals {
  subscriptions = merge([
    for name, entry in local.functions : {
      for subscription in entry.subscribes : "${entry.service_name}.${subscription.topic}" => {
        function              = name
        topic                 = subscription.topic
        max_delivery_attempts = subscription.max_delivery_attempts
        ack_deadline_seconds  = min(entry.timeout_seconds + 10, 600) # for a push, this is the time-out of the call
      }
    }
  ]...)

  # schemas/messages holds JSON Schemas; Pub/Sub knows Avro. Payloads are flat and hold ids, so a field is a field.
  message_schemas = {
    for topic in module.manifest.contents.topics : topic => jsondecode(file("${local.root}/schemas/messages/${topic}.json"))
  }

  # A revision may add and drop only fields with a default. No function takes one for a value: its model refuses it.
  # Pub/Sub keeps 20 revisions; before one more, delete the oldest (`gcloud pubsub schemas delete-revision`).
  avro_fields = {
    string  = { type = "string", default = "" }
    integer = { type = "long", default = 0 }
    boolean = { type = "boolean", default = false }
  }

  # In Avro's JSON an optional value is wrapped in the name of its type, which json.dumps does not do. A default makes
  # no field optional: it is for readers, and every message holds every field.
  unfit_fields = flatten([
    for topic, schema in local.message_schemas : [
      for name, field in schema.properties : "${topic}.${name}"
      if !contains(schema.required, name) || !contains(keys(local.avro_fields), try(tostring(field.type), ""))
    ]
  ])
}

resource "google_pubsub_schema" "this" {
  for_each = local.message_schemas

  name = each.key
  type = "AVRO"
  definition = jsonencode({
    type   = "record"
    name   = replace(each.key, ".", "_")
    doc    = each.value.description
    fields = [for name, field in each.value.properties : merge({ name = name }, try(local.avro_fields[field.type], {}))]
  })

  lifecycle {
    precondition {
      condition     = length(local.unfit_fields) == 0
      error_message = "Pub/Sub's schemas hold required strings, integers and booleans only; these are something else: ${join(", ", local.unfit_fields)}."
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic" "this" {
  for_each = google_pubsub_schema.this

  name         = each.key
  kms_key_name = google_kms_crypto_key.this["messages"].id

  message_retention_duration = "${7 * 24 * 60 * 60}s" # can be replayed for a week

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  schema_settings {
    schema   = each.value.id
    encoding = "JSON"
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_pubsub_subscription" "this" {
  for_each = local.subscriptions

  name                       = each.key
  topic                      = google_pubsub_topic.this[each.value.topic].id
  ack_deadline_seconds       = each.value.ack_deadline_seconds
  message_retention_duration = "${7 * 24 * 60 * 60}s"

  expiration_policy {
    ttl = "" # never, however quiet the topic is
  }

  push_config {
    push_endpoint = "${local.function_urls[each.value.function]}/messages/${each.value.topic}"
    oidc_token {
      service_account_email = google_service_account.invoker.email
      audience              = local.function_urls[each.value.function]
    }
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.value.topic].id
    max_delivery_attempts = each.value.max_delivery_attempts
  }

  # Without these grants Pub/Sub delivers for ever, or to nobody.
  depends_on = [
    google_pubsub_topic_iam_member.dead_letters_arrive,
    google_service_account_iam_member.pubsub_signs_as_invoker,
    module.function,
  ]
}

# The agent takes the message off here...
resource "google_pubsub_subscription_iam_member" "dead_letters_leave" {
  for_each = google_pubsub_subscription.this

  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

resource "google_pubsub_topic" "dead" {
  for_each = module.manifest.contents.topics

  name         = "${each.key}.dead"
  kms_key_name = google_kms_crypto_key.this["messages"].id

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

# ...and puts it there.
resource "google_pubsub_topic_iam_member" "dead_letters_arrive" {
  for_each = google_pubsub_topic.dead

  topic  = each.value.id
  role   = "roles/pubsub.publisher"
  member = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

# Somebody must keep them, or they are gone: two weeks for a person to look, and to publish them again.
resource "google_pubsub_subscription" "dead" {
  for_each = google_pubsub_topic.dead

  name                       = each.value.name
  topic                      = each.value.id
  ack_deadline_seconds       = 60
  message_retention_duration = "${14 * 24 * 60 * 60}s"

  expiration_policy {
    ttl = ""
  }
}
