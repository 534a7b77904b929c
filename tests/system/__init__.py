"""The whole system: under kills and faults, in small places, in its image, in its Terraform, in a browser."""
