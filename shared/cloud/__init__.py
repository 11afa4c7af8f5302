"""What the product knows of Google Cloud. This room knows no ticket."""
