# A key of yours encrypts what rests: the service agents that write for us may use it.

resource "google_kms_crypto_key_iam_member" "agent_uses_key" {
  for_each      = toset(["bigquery", "registry", "run", "storage"])
  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = var.agents[each.key]
}

resource "time_sleep" "grants_are_known" {
  create_duration = "${var.wait_s}s"
  triggers = merge(
    { kms_key = var.kms_key },
    { for agent, grant in google_kms_crypto_key_iam_member.agent_uses_key : agent => grant.id },
  )
}
