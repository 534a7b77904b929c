-- Grain: one row per upload (an object generation, or an HTTPS image), whatever number of times it was recorded.
-- From:  predictions (append-only; at-least-once, so it can hold duplicates), without shadows and probes.
-- Use:   the answer to "what is on this picture?"; most other views.
SELECT
  prediction_id, upload_id, uploaded_on, uploaded_at, recorded_at, label, score, needs_review, is_unfamiliar, candidates,
  signals, image, model, call
FROM `${dataset}.predictions`
WHERE call.is_shadow IS NOT TRUE AND call.is_probe IS NOT TRUE
-- The partitioning column comes first, so that a filter on it prunes below the window.
QUALIFY ROW_NUMBER() OVER (PARTITION BY uploaded_on, upload_id ORDER BY recorded_at DESC, prediction_id) = 1
