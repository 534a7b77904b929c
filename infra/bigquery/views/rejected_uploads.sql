-- Grain: one row per upload that could not become a prediction.
-- From:  failures (append-only; at-least-once, so it can hold duplicates).
-- Use:   telling uploaders what was wrong; finding the file in quarantine.
SELECT
  failure_id, uploaded_on, uploaded_at, recorded_at, reason, detail, image.bucket, image.name, image.generation,
  image.quarantine_uri, image.size_bytes, image.content_type
FROM `${dataset}.failures`
WHERE call.is_shadow IS NOT TRUE AND call.is_probe IS NOT TRUE
-- A shadow that was shown the same upload writes the same failure_id: it must not hide the row of who serves.
QUALIFY ROW_NUMBER() OVER (PARTITION BY uploaded_on, failure_id ORDER BY recorded_at DESC) = 1
