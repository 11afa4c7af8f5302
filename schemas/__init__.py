"""Contracts: migrations, the manifest's schema, message schemas and the generated OpenAPI document."""
