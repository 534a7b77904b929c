-- Grain: one row per day, model and label.
-- From:  latest_predictions.
-- Use:   what comes in, and whether it shifts.
SELECT
  uploaded_on,
  model.name AS model_name,
  label,
  COUNT(*) AS images,
  COUNTIF(needs_review) AS needing_review,
  AVG(score) AS mean_score
FROM `${dataset}.latest_predictions`
GROUP BY uploaded_on, model_name, label
