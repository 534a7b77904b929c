# A key of yours encrypts what rests: the service agents that write for us may use it.

resource "google_kms_crypto_key_iam_member" "agent_uses_key" {
  for_each      = toset(["bigquery", "registry", "run", "storage"])
  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = var.agents[each.key]
}

resource "terraform_data" "grants_are_known" {
  input            = var.kms_key
  triggers_replace = [for grant in google_kms_crypto_key_iam_member.agent_uses_key : grant.id]
  provisioner "local-exec" {
    command = "sleep ${var.wait_s}"
  }
}
