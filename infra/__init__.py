"""The product's surroundings: Terraform for Google Cloud, and the same cloud on a laptop."""
