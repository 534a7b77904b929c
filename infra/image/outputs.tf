output "image" {
  description = "The image, by digest."
  value       = local.image
  precondition {
    condition     = local.image != null
    error_message = "There is no image in ${local.place}, and one is needed. Build it first: $(terraform output -raw build). Or name one: ${var.target == "serving" ? "-var=image=…" : "monitor = { image = \"…\" }, or have none with monitor = null"}, as …/${var.target}@sha256:…"
  }
}
