-- Grain: one row per upload of the audit sample, a uniform 1 % of all uploads, that nobody has labelled yet.
-- From:  latest_predictions, labels.
-- Use:   what a person should label, all of it, to learn the accuracy on all uploads (ORDER BY upload_id LIMIT 50).
SELECT
  predictions.prediction_id, predictions.upload_id, predictions.uploaded_on, predictions.uploaded_at, predictions.label,
  predictions.score, predictions.candidates, predictions.image.name, predictions.image.archive_uri,
  predictions.model.name AS model_name, predictions.model.version AS model_version
FROM `${dataset}.latest_predictions` AS predictions
LEFT JOIN (SELECT DISTINCT prediction_id FROM `${dataset}.labels`) AS judged
  ON judged.prediction_id = predictions.prediction_id
-- Ids are sha256, so a bound on them is a share of all uploads: 0.01 * 16^64, as shared/monitoring/audit_sample.py has it.
WHERE predictions.upload_id < '028f5c28f5c28f60000000000000000000000000000000000000000000000000'
  AND predictions.image.generated_by IS NULL AND judged.prediction_id IS NULL
