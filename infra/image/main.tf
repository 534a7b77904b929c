# What functions or jobs are created from: the image that somebody names, or the newest in the registry.

locals {
  place = "${var.region}-docker.pkg.dev/${var.project}/${var.repository}/${var.target}"
  # Newest last. Times are RFC 3339 in UTC, so they are in the order of their letters.
  built = sort([
    for one in try(data.google_artifact_registry_docker_images.built[0].docker_images, []) :
    "${one.update_time} ${one.self_link}" if one.image_name == var.target
  ])
  newest = try(split(" ", element(local.built, length(local.built) - 1))[1], null)
  image  = try(coalesce(var.image, local.newest), null)
}

# The names are texts, not attributes of the registry, so that they are known and it is read while the plan is made.
data "google_artifact_registry_docker_images" "built" {
  count         = var.image == null ? 1 : 0
  project       = var.project
  location      = var.region
  repository_id = var.repository
}
