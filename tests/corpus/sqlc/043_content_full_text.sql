-- name: ContentFullText :many
SELECT id, topic FROM content
WHERE to_tsvector('english', topic) @@ plainto_tsquery('english', $1)
LIMIT 20;
