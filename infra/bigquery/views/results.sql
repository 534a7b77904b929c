-- Grain: one row per picture: a file name with its content, and the model that was asked, however often it was uploaded.
-- From:  latest_predictions, predictions_by_model, labels.
-- Use:   what people take home: the model's label beside the final one, which is a person's where a person gave one.
SELECT
  predictions.image.name, predictions.label, predictions.score, predictions.needs_review,
  COALESCE(judged.label, predictions.label) AS final_label, judged.labelled_by, judged.labelled_at,
  predictions.uploaded_on, predictions.uploaded_at, predictions.prediction_id, predictions.image.sha256,
  predictions.image.archive_uri, predictions.model.name AS model_name, predictions.model.version AS model_version
FROM `${dataset}.latest_predictions` AS predictions
LEFT JOIN (
  -- A label is of the picture: it holds for each upload of the same content, by whichever version of the model.
  SELECT labelled.image.sha256, labelled.model.name AS model_name, labels.label, labels.labelled_by, labels.labelled_at
  FROM `${dataset}.labels` AS labels
  INNER JOIN `${dataset}.predictions_by_model` AS labelled ON labelled.prediction_id = labels.prediction_id
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY labelled.image.sha256, labelled.model.name ORDER BY labels.labelled_at DESC, labels.label_id
  ) = 1
) AS judged
  ON judged.sha256 = predictions.image.sha256 AND judged.model_name = predictions.model.name
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY predictions.image.name, predictions.image.sha256, predictions.model.name
  ORDER BY predictions.uploaded_at DESC, predictions.prediction_id
) = 1
