"""What `make infra-check` and the pipeline (cloudbuild.yaml, release.yaml) call. No part of the product imports it."""
