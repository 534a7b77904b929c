# Cloud Run starts only images for which one of these attestors has signed. Cloud Build's own signs whatever it built.

resource "google_binary_authorization_policy" "policy" {
  project = var.project

  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = "ENFORCED_BLOCK_AND_AUDIT_LOG"
    require_attestations_by = var.attestors
  }
}
