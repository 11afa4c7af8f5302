# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/hashicorp/archive" {
  version     = "2.8.1"
  constraints = "~> 2.7"
  hashes = [
    "h1:TAM/gItpFv+RO1DC0G8x/hzOnAsBTwTLqThaH97N2jU=",
  ]
}

provider "registry.terraform.io/hashicorp/google" {
  version     = "7.46.1"
  constraints = "~> 7.46"
  hashes = [
    "h1:ENTWhXapboMJpBl1Ou6Y9Zw8PjyqMIuQsphuJIhX5jA=",
  ]
}

provider "registry.terraform.io/hashicorp/google-beta" {
  version     = "7.46.1"
  constraints = "~> 7.46"
  hashes = [
    "h1:be8uWfnIhM6koWjFv5Rg8fntjRglpiu2O3XMlpbl3zU=",
  ]
}

provider "registry.terraform.io/hashicorp/time" {
  version     = "0.14.2"
  constraints = "~> 0.13"
  hashes = [
    "h1:3RP0zMbt9Z2PRsvFbv6ECGjLSlOKDf99z4IeOpq8izM=",
  ]
}
