-- name: ListContentByUser :many
SELECT c.id, c.topic, c.content_type, c.generated_at
FROM content c
WHERE c.user_id = $1
ORDER BY c.generated_at DESC
LIMIT $2 OFFSET $3;
