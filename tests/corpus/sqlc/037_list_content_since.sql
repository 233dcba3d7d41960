-- name: ListContentSince :many
SELECT id, topic FROM content WHERE generated_at > $1 ORDER BY generated_at LIMIT 100;
