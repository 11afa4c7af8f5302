# Reads functions/manifest.yaml, fills in its defaults and refuses what doesn't hang together, by name. A module
# and not locals of the root: a failing precondition of an output stops everything that would build on it, so
# that the message is the first and only one.

locals {
  document   = yamldecode(file(var.file))
  contracts  = "${path.module}/../../../../schemas"
  schema     = jsondecode(file("${local.contracts}/manifest.schema.json"))
  sections   = keys(local.schema.properties)
  edges      = local.schema["$defs"].function.properties.edge.enum
  queue_keys = keys(local.schema.properties.queues.additionalProperties.properties)
  function_keys = concat(
    keys(local.schema["$defs"].function.properties),
    keys(local.schema["$defs"].sizing.properties),
  )

  # A missing section is a fault with a name, not an error of the expression that needs it.
  declared = merge({ for section in local.sections : section => {} }, local.document)

  empty = {
    edge                  = "standard", routes = [], pages = [], tasks = [], jobs = {}, subscribes = [], publishes = [], enqueues = [], secrets = [], buckets = [], deletes_files = false,
    collects_dead_letters = false, shared_cache = false, workflows = [], on_sale_instances = 0
  }
  functions = { for name, entry in local.declared.functions : name => merge(local.empty, local.declared.defaults, entry) }

  topics = toset(flatten([
    for entry in values(local.functions) : concat(entry.publishes, [for subscription in entry.subscribes : subscription.topic])
  ]))
  message_schemas = toset([for file in fileset("${local.contracts}/messages", "*.json") : trimsuffix(file, ".json")])

  known = {
    secrets   = toset(keys(local.declared.secrets))
    buckets   = toset(keys(local.declared.buckets))
    enqueues  = toset(keys(local.declared.queues))
    publishes = local.message_schemas
    workflows = toset(local.schema["$defs"].function.properties.workflows.items.enum)
  }

  paths = {
    for route in flatten([for name, entry in local.functions : [for line in entry.routes : { function = name, path = split(" ", line)[1] }]]) :
    replace(route.path, "/{[a-z_]+}/", "{}") => route.function...
  }
}

locals {
  unknown_sections = [for key in setsubtract(keys(local.document), local.sections) : "unknown section \"${key}\""]
  missing_sections = [for key in setsubtract(local.schema.required, keys(local.document)) : "section \"${key}\" is missing"]
  missing_defaults = [
    for key in setsubtract(local.schema.properties.defaults.required, keys(local.declared.defaults)) : "defaults.${key} is missing"
  ]
  unknown_keys = flatten([
    for name, entry in local.declared.functions : [
      for key in setsubtract(keys(entry), local.function_keys) : "functions.${name} has an unknown key \"${key}\""
    ]
  ])
  missing_keys = flatten([
    for name, entry in local.declared.functions : [
      for key in setsubtract(local.schema["$defs"].function.required, keys(entry)) : "functions.${name}.${key} is missing"
    ]
  ])
  unknown_edges = [
    for name, entry in local.functions : "functions.${name}.edge is none of ${join(", ", local.edges)}: \"${entry.edge}\""
    if !contains(local.edges, entry.edge)
  ]
  unknown_queue_keys = flatten([
    for name, entry in local.declared.queues : [
      for key in setsubtract(keys(entry), local.queue_keys) : "queues.${name} has an unknown key \"${key}\""
    ]
  ])
  unknown_names = flatten([
    for name, entry in local.functions : [
      for field, names in local.known : [
        for used in setsubtract(entry[field], names) : "functions.${name}.${field} names \"${used}\", which nothing declares"
      ]
    ]
  ])
  unheard_topics = flatten([
    for name, entry in local.functions : [
      for subscription in entry.subscribes : "functions.${name} subscribes to \"${subscription.topic}\", which nobody publishes"
      if !contains(flatten(values(local.functions)[*].publishes), subscription.topic)
    ]
  ])
  shared_paths = [
    for path, owners in local.paths : "${path} belongs to more than one function: ${join(", ", distinct(owners))}"
    if length(distinct(owners)) > 1
  ]
  hidden_routes = [
    for name, entry in local.functions : "functions.${name} has routes and is not public"
    if length(entry.routes) > 0 && try(entry.public, false) == false
  ]
  # Cloud Run removes the signature of the tokens it has checked, so a function that strangers reach can trust none.
  two_sided = [
    for name, entry in local.functions : "functions.${name} is public and takes tasks, jobs or messages"
    if try(entry.public, false) && length(entry.tasks) + length(entry.jobs) + length(entry.subscribes) > 0
  ]
  unreached = [
    for name, entry in local.functions : "functions.${name} is not public, and takes no tasks, jobs or messages"
    if !try(entry.public, false) && length(entry.tasks) + length(entry.jobs) + length(entry.subscribes) == 0
  ]

  faults = concat(
    local.unknown_sections, local.missing_sections, local.missing_defaults, local.unknown_keys, local.missing_keys,
    local.unknown_edges, local.unknown_queue_keys, local.unknown_names, local.unheard_topics, local.shared_paths, local.hidden_routes,
    local.two_sided, local.unreached,
  )
}
