-- Grain: one row per row that a call wrote: repeated deliveries count, since each of them was work.
-- From:  predictions, failures.
-- Use:   latency, error rate, cold starts; the bill.
SELECT
  uploaded_on, recorded_at, 'predicted' AS outcome, CAST(NULL AS STRING) AS reason, prediction_id AS row_id,
  model.name AS model_name, model.version AS model_version, call.source, call.event_id, call.trace, call.caller,
  call.service, call.revision, call.instance, call.is_cold_start, call.received_at, call.received_bytes,
  call.times.read_ms, call.times.decode_ms, call.times.classify_ms, call.times.archive_ms, call.times.total_ms,
  call.batch_id, call.is_probe
FROM `${dataset}.predictions`
UNION ALL
SELECT
  uploaded_on, recorded_at, 'rejected' AS outcome, reason, failure_id AS row_id,
  CAST(NULL AS STRING) AS model_name, CAST(NULL AS STRING) AS model_version, call.source, call.event_id, call.trace,
  call.caller, call.service, call.revision, call.instance, call.is_cold_start, call.received_at, call.received_bytes,
  call.times.read_ms, call.times.decode_ms, call.times.classify_ms, call.times.archive_ms, call.times.total_ms,
  call.batch_id, call.is_probe
FROM `${dataset}.failures`
