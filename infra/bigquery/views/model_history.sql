-- Grain: one row per event in the life of a model, whatever number of times it was written.
-- From:  model_events (append-only; at-least-once, so it can hold duplicates).
-- Use:   what happened to a model, newest first (ORDER BY happened_at DESC); verdicts, reports and releases.
SELECT
  event_id, happened_on, happened_at, event, actor, model, parent_digest, dataset_fingerprint, code_commit, evidence
FROM `${dataset}.model_events`
-- An event that is recorded again on another day keeps its id, so all days are read: there are few events.
QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY happened_at) = 1
