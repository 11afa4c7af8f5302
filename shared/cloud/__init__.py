"""The product's interface to Google Cloud. This package knows no ticket."""
