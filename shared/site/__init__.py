"""The pages that people see: rendered here, from the product's own functions, in Indonesian and English."""
