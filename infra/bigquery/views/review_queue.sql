-- Grain: one row per upload whose score was too low or that was unfamiliar, and that nobody has labelled yet.
-- From:  latest_predictions, labels.
-- Use:   what a person should look at, least certain first (ORDER BY score).
SELECT
  predictions.prediction_id, predictions.uploaded_on, predictions.uploaded_at, predictions.label, predictions.score,
  predictions.candidates, predictions.image.name, predictions.image.archive_uri, predictions.model.name AS model_name,
  predictions.model.version AS model_version, predictions.needs_review, predictions.is_unfamiliar,
  predictions.signals.novelty,
  CASE
    WHEN predictions.is_unfamiliar IS NOT TRUE THEN 'low_score'
    WHEN predictions.needs_review THEN 'low_score_and_unfamiliar'
    ELSE 'unfamiliar'
  END AS why
FROM `${dataset}.latest_predictions` AS predictions
LEFT JOIN (SELECT DISTINCT prediction_id FROM `${dataset}.labels`) AS judged
  ON judged.prediction_id = predictions.prediction_id
WHERE (predictions.needs_review OR predictions.is_unfamiliar IS TRUE) AND judged.prediction_id IS NULL
