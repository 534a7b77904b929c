"""The SQL of a periodic report. Everything is counted in the warehouse, so a report reads few rows of any number.

``Period.within`` fills in FIRST and LAST. Parameters: ``digests`` and ``names``, the models of the report; ``main``,
the model whose scores are compared with its reference. Shadows and probes are not in the views; generated pictures,
which no camera took, are left out.
"""

MODELS = """
SELECT
  model.name AS name, model.version AS version, model.digest AS digest, COUNT(*) AS pictures,
  COUNTIF(needs_review) AS needing_review, COUNTIF(is_unfamiliar) AS unfamiliar,
  MIN(uploaded_on) AS first_day, MAX(uploaded_on) AS last_day
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND image.generated_by IS NULL
GROUP BY name, version, digest
ORDER BY pictures DESC, digest
"""

LABELS = """
SELECT label, COUNT(*) AS pictures, COUNTIF(needs_review) AS needing_review, AVG(score) AS mean_score
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND model.digest IN UNNEST(@digests) AND image.generated_by IS NULL
GROUP BY label
ORDER BY pictures DESC, label
LIMIT 20
"""

SUMMARY = """
SELECT
  COUNT(*) AS pictures, COUNT(DISTINCT image.sha256) AS distinct_pictures, COUNT(DISTINCT label) AS labels,
  COUNTIF(needs_review) AS needing_review, COUNTIF(is_unfamiliar) AS unfamiliar,
  COUNTIF(is_unfamiliar IS NOT NULL) AS with_novelty, AVG(score) AS mean_score
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND model.digest IN UNNEST(@digests) AND image.generated_by IS NULL
"""

DAYS = """
SELECT uploaded_on AS day, IF(label IN UNNEST(@labels), label, NULL) AS label_group, COUNT(*) AS pictures
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND model.digest IN UNNEST(@digests) AND image.generated_by IS NULL
GROUP BY day, label_group
"""
"""Labels other than ``@labels`` are counted together, as NULL."""

SPREAD = """
SELECT
  LEAST(CAST(FLOOR(score * 20) AS INT64), 19) AS score_bin,
  LEAST(CAST(FLOOR(signals.novelty * 20) AS INT64), 19) AS novelty_bin,
  COUNT(*) AS pictures
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND model.digest IN UNNEST(@main) AND image.generated_by IS NULL
GROUP BY score_bin, novelty_bin
"""
"""Bins of 0.05; the bin of novelty is NULL where it is not known."""

FAILURES = """
SELECT reason, COUNT(*) AS uploads
FROM rejected_uploads
WHERE uploaded_on BETWEEN FIRST AND LAST
GROUP BY reason
ORDER BY uploads DESC, reason
LIMIT 40
"""

LATENCY = """
SELECT
  service, revision, source, COUNT(*) AS calls, COUNTIF(is_cold_start) AS cold_starts,
  APPROX_QUANTILES(total_ms, 100)[OFFSET(50)] AS p50_ms, APPROX_QUANTILES(total_ms, 100)[OFFSET(95)] AS p95_ms,
  APPROX_QUANTILES(total_ms, 100)[OFFSET(99)] AS p99_ms
FROM calls
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND is_probe IS NOT TRUE
GROUP BY service, revision, source
ORDER BY calls DESC, service, revision, source
LIMIT 40
"""
"""The figures of the view ``latency_by_revision``, of the period alone."""

USAGE = """
SELECT
  COUNT(*) AS calls, AVG(received_bytes) AS mean_bytes, AVG(total_ms) AS mean_total_ms,
  AVG(COALESCE(decode_ms, 0) + COALESCE(classify_ms, 0)) AS mean_cpu_ms
FROM calls
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND is_probe IS NOT TRUE
"""

EVENTS = """
SELECT
  happened_at, event, actor, model.name AS model_name, model.version AS model_version,
  JSON_VALUE(evidence, '$.state') AS state, JSON_VALUE(evidence, '$.why') AS why
FROM model_events
WHERE happened_on BETWEEN FIRST AND LAST
  AND (model IS NULL OR model.name IN UNNEST(@names)) AND event != 'report'
QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY happened_at) = 1
ORDER BY happened_at DESC, event
LIMIT 200
"""

MOST_NOVEL = """
SELECT
  image.name AS name, image.archive_uri AS archive_uri, label, score, signals.novelty AS novelty, uploaded_at,
  prediction_id
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND model.digest IN UNNEST(@digests) AND image.generated_by IS NULL AND signals.novelty IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY image.sha256 ORDER BY signals.novelty DESC, prediction_id) = 1
ORDER BY novelty DESC, prediction_id
LIMIT 8
"""
"""A picture that was uploaded several times is there once."""

LEAST_CERTAIN = """
SELECT
  image.name AS name, image.archive_uri AS archive_uri, label, score, signals.novelty AS novelty, uploaded_at,
  prediction_id
FROM latest_predictions
WHERE uploaded_on BETWEEN FIRST AND LAST
  AND model.digest IN UNNEST(@digests) AND image.generated_by IS NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY image.sha256 ORDER BY score, prediction_id) = 1
ORDER BY score, prediction_id
LIMIT 8
"""
