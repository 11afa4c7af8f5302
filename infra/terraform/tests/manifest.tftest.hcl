# A manifest that doesn't hang together goes no further. tests/infra reads the messages, which name what is wrong.

run "the_manifest_is_right" {
  command = plan

  module {
    source = "./modules/manifest"
  }
  variables {
    file = "../../functions/manifest.yaml"
  }

  assert {
    condition     = alltrue([for entry in values(output.contents.functions) : entry.pool_size > 0 && entry.max_instances > 0])
    error_message = "A function has no limit."
  }
}

run "a_misspelt_key_is_refused" {
  command = plan

  module {
    source = "./modules/manifest"
  }
  variables {
    file = "tests/fixtures/misspelt_key.yaml"
  }

  expect_failures = [output.contents]
}

run "a_misspelt_name_is_refused" {
  command = plan

  module {
    source = "./modules/manifest"
  }
  variables {
    file = "tests/fixtures/misspelt_names.yaml"
  }

  expect_failures = [output.contents]
}
