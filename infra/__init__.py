"""Where the product runs: Terraform for Google Cloud, and the same cloud on a laptop."""
