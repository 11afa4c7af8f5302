"""Commands of `make infra-check` and of the pipeline (cloudbuild.yaml, release.yaml). The product never imports it."""
