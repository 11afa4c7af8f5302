# Every function has an account of its own and no more rights than the manifest gives it; internal ones are internal (SEC-011).

provider "google" {
  project      = "example-karcis"
  access_token = "nobody" # plans of what doesn't exist yet ask nothing
}

provider "google-beta" {
  project      = "example-karcis"
  access_token = "nobody"
}

run "everything_planned" {
  command = plan

  assert {
    condition     = toset(keys(output.functions)) == toset(keys(yamldecode(file("../../functions/manifest.yaml")).functions))
    error_message = "What is deployed is not what the manifest lists."
  }

  assert {
    condition     = length(distinct(values(output.functions)[*].service_account)) == length(output.functions)
    error_message = "Two functions share an account."
  }

  assert {
    condition = alltrue([
      for name, entry in local.functions : contains(output.functions[name].invokers, "allUsers") == entry.public
    ])
    error_message = "Everybody may call public functions, and only those."
  }

  assert {
    condition = alltrue([
      for name, entry in local.functions :
      output.functions[name].ingress == (entry.public ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY")
    ])
    error_message = "A function can be reached past the load balancer, or an internal one through it."
  }

  assert {
    condition = alltrue([
      for name, entry in local.functions :
      length(setsubtract(output.functions[name].invokers, ["allUsers", google_service_account.invoker.member])) == 0
    ])
    error_message = "Somebody else than the invoker may call a function."
  }

  assert {
    condition     = alltrue([for name in keys(local.called_functions) : contains(output.functions[name].invokers, google_service_account.invoker.member)])
    error_message = "A function has tasks, jobs or messages that nobody may deliver."
  }

  assert {
    condition = alltrue(flatten([
      for name, entry in local.functions : [
        toset(output.functions[name].rights.secrets) == toset(entry.secrets),
        toset(output.functions[name].rights.topics) == toset(entry.publishes),
        toset(output.functions[name].rights.queues) == toset(entry.enqueues),
        output.functions[name].rights.workflows == (length(entry.workflows) > 0),
        length(output.functions[name].rights.buckets) == length(entry.buckets),
        length(output.functions[name].rights.dead_letters) == (entry.collects_dead_letters ? length(google_pubsub_subscription.dead) : 0),
      ]
    ]))
    error_message = "A function has other rights than the manifest lists."
  }

  # Whoever takes over the function that knows of sales can have instances warmed; the workflow can do no more either.
  assert {
    condition = alltrue([
      toset(google_project_iam_custom_role.prewarmer.permissions) == toset(["run.services.get", "run.services.update"]),
      toset(keys(google_cloud_run_v2_service_iam_member.prewarmer)) == toset(["auth", "checkout", "reserve", "webhook"]),
      keys(google_cloud_run_v2_service_iam_member.prewarmer) == keys(google_service_account_iam_member.prewarmer_acts_as),
      keys(jsondecode(google_workflows_workflow.prewarm.user_env_vars["SCALING"])) == keys(google_cloud_run_v2_service_iam_member.prewarmer),
      google_workflows_workflow.prewarm.source_contents == file("../../infra/deploy/prewarm.workflow.yaml"),
      [for name, entry in local.functions : name if length(entry.workflows) > 0] == ["prewarm"],
    ])
    error_message = "More may be scaled, or by others, than a sale needs."
  }

  assert {
    condition = alltrue([
      for name, number in jsondecode(google_workflows_workflow.prewarm.user_env_vars["SCALING"]) : alltrue([
        number.usual == local.functions[name].min_instances,
        number.usual <= number.on_sale && number.on_sale <= local.functions[name].max_instances,
      ])
    ])
    error_message = "After a sale instances are not what Terraform says, or during one more than a function may have."
  }

  assert {
    condition = alltrue([
      for name, entry in local.functions :
      tonumber(output.functions[name].environment.STATEMENT_TIMEOUT_MS) < entry.timeout_seconds * 1000
    ])
    error_message = "A statement may take longer than its function, and keep its locks."
  }
}

run "an_unknown_function_in_sizing_is_refused" {
  command = plan

  variables {
    sizing = { resreve = { min_instances = 6 } }
  }

  expect_failures = [var.sizing]
}

run "an_unknown_setting_is_refused" {
  command = plan

  variables {
    settings = { SENDER_EMIAL = "tiket@example.com" }
  }

  expect_failures = [var.settings]
}

run "an_image_by_tag_is_refused" {
  command = plan

  variables {
    image = "asia-southeast2-docker.pkg.dev/example-karcis/functions/karcis:latest"
  }

  expect_failures = [var.image]
}

run "an_image_from_elsewhere_is_refused" {
  command = plan

  variables {
    image = "asia-southeast2-docker.pkg.dev/somebody/functions/karcis@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }

  expect_failures = [var.image]
}

run "more_instances_than_the_quota_bears_are_refused" {
  command = plan

  variables {
    run_quota = { cpus = 20, memory_gib = 250 }
  }

  expect_failures = [terraform_data.quota_is_enough]
}
