variable "file" {
  description = "Path of the manifest."
  type        = string
}
