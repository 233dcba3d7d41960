-- name: SearchContent :many
SELECT c.*, cm.word_count, cm.estimated_read_time
FROM content c LEFT JOIN content_metadata cm ON c.id = cm.content_id
WHERE c.content_type = $1 AND c.audience_level = $2
ORDER BY c.generated_at DESC
LIMIT $3;
