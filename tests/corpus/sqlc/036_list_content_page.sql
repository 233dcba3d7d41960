-- name: ListContentPage :many
-- Keyset pagination.
SELECT id, topic, generated_at FROM content
WHERE (generated_at, id) < ($1, $2)
ORDER BY generated_at DESC, id DESC
LIMIT 20;
