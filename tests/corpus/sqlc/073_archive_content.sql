-- name: ArchiveContent :many
WITH gone AS (DELETE FROM content WHERE user_id = $1 RETURNING id) SELECT count(*) FROM gone;
