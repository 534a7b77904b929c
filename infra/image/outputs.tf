output "image" {
  description = "The image, by digest."
  value       = local.image
  precondition {
    condition     = local.image != null
    error_message = "There is no image in ${local.place}, and the functions need one. Build it first: $(terraform output -raw build). Or name one: -var=image=…/serving@sha256:…"
  }
}
