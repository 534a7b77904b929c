-- Grain: one row per service, revision and source.
-- From:  calls, without probes.
-- Use:   is the new revision slower? Milliseconds; warm calls and cold starts are counted together.
SELECT
  service,
  revision,
  source,
  COUNT(*) AS calls,
  COUNTIF(is_cold_start) AS cold_starts,
  APPROX_QUANTILES(total_ms, 100)[OFFSET(50)] AS p50_ms,
  APPROX_QUANTILES(total_ms, 100)[OFFSET(95)] AS p95_ms,
  APPROX_QUANTILES(total_ms, 100)[OFFSET(99)] AS p99_ms,
  AVG(decode_ms) AS mean_decode_ms,
  AVG(classify_ms) AS mean_classify_ms
FROM `${dataset}.calls`
WHERE is_probe IS NOT TRUE
GROUP BY service, revision, source
