-- Grain: one row per upload and model that saw it.
-- From:  predictions (append-only; at-least-once, so it can hold duplicates).
-- Use:   comparing champion and challenger on the same pictures.
SELECT
  prediction_id, upload_id, uploaded_on, uploaded_at, recorded_at, label, score, needs_review, is_unfamiliar, candidates,
  signals, image, model, call
FROM `${dataset}.predictions`
QUALIFY ROW_NUMBER() OVER (PARTITION BY uploaded_on, prediction_id ORDER BY recorded_at DESC) = 1
