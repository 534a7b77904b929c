# A host name of yours before classify-request: a load balancer with a certificate that Google renews.

resource "google_compute_global_address" "address" {
  project = var.project
  name    = "classify-request"
}

resource "google_compute_region_network_endpoint_group" "function" {
  project               = var.project
  name                  = "classify-request"
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = var.service
  }
}

resource "google_compute_backend_service" "function" {
  project               = var.project
  name                  = "classify-request"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  backend {
    group = google_compute_region_network_endpoint_group.function.id
  }
  security_policy = one(google_compute_security_policy.limit[*].id)
  log_config {
    enable      = true
    sample_rate = 1
  }
}

# A caller's address that sends more than this is answered with 429 before it reaches the function.
resource "google_compute_security_policy" "limit" {
  count   = var.calls_per_minute == null ? 0 : 1
  project = var.project
  name    = "classify-request"

  rule {
    action      = "throttle"
    description = "So many calls a minute from an address."
    priority    = 1000
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = var.calls_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    description = "Whatever else."
    priority    = 2147483647
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "certificate" {
  # Named after its domain: a certificate in use cannot be changed, only replaced by another.
  project = var.project
  name    = trimsuffix(substr("classify-request-${replace(var.domain, ".", "-")}", 0, 63), "-")
  managed {
    domains = [var.domain]
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "modern" {
  project         = var.project
  name            = "classify-request"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_url_map" "function" {
  project         = var.project
  name            = "classify-request"
  default_service = google_compute_backend_service.function.id
}

resource "google_compute_target_https_proxy" "function" {
  project          = var.project
  name             = "classify-request"
  url_map          = google_compute_url_map.function.id
  ssl_certificates = [google_compute_managed_ssl_certificate.certificate.id]
  ssl_policy       = google_compute_ssl_policy.modern.id
}

resource "google_compute_global_forwarding_rule" "https" {
  project               = var.project
  name                  = "classify-request-https"
  ip_address            = google_compute_global_address.address.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "443"
  target                = google_compute_target_https_proxy.function.id
}

resource "google_compute_url_map" "to_https" {
  project = var.project
  name    = "classify-request-to-https"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_compute_target_http_proxy" "to_https" {
  project = var.project
  name    = "classify-request-to-https"
  url_map = google_compute_url_map.to_https.id
}

resource "google_compute_global_forwarding_rule" "http" {
  project               = var.project
  name                  = "classify-request-http"
  ip_address            = google_compute_global_address.address.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "80"
  target                = google_compute_target_http_proxy.to_https.id
}

resource "google_dns_record_set" "record" {
  count        = var.dns_zone == null ? 0 : 1
  project      = var.project
  managed_zone = var.dns_zone
  name         = "${var.domain}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.address.address]
}
