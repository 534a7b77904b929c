# A host name of yours before classify-request: a load balancer with a certificate that Google renews.

resource "google_compute_global_address" "address" {
  name = "classify-request"
}

resource "google_compute_region_network_endpoint_group" "function" {
  name                  = "classify-request"
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = var.service
  }
}

resource "google_compute_backend_service" "function" {
  name                  = "classify-request"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  backend {
    group = google_compute_region_network_endpoint_group.function.id
  }
  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_managed_ssl_certificate" "certificate" {
  # Named after its domain: a certificate in use cannot be changed, only replaced by another.
  name = substr("classify-request-${replace(var.domain, ".", "-")}", 0, 63)
  managed {
    domains = [var.domain]
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "modern" {
  name            = "classify-request"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_url_map" "function" {
  name            = "classify-request"
  default_service = google_compute_backend_service.function.id
}

resource "google_compute_target_https_proxy" "function" {
  name             = "classify-request"
  url_map          = google_compute_url_map.function.id
  ssl_certificates = [google_compute_managed_ssl_certificate.certificate.id]
  ssl_policy       = google_compute_ssl_policy.modern.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "classify-request-https"
  ip_address            = google_compute_global_address.address.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "443"
  target                = google_compute_target_https_proxy.function.id
}

resource "google_compute_url_map" "to_https" {
  name = "classify-request-to-https"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_compute_target_http_proxy" "to_https" {
  name    = "classify-request-to-https"
  url_map = google_compute_url_map.to_https.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "classify-request-http"
  ip_address            = google_compute_global_address.address.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "80"
  target                = google_compute_target_http_proxy.to_https.id
}

resource "google_dns_record_set" "record" {
  count        = var.dns_zone == null ? 0 : 1
  managed_zone = var.dns_zone
  name         = "${var.domain}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.address.address]
}
