-- name: ContentWithoutMetadata :many
SELECT c.id FROM content c WHERE c.user_id = $1 AND NOT EXISTS (SELECT FROM content_metadata m WHERE m.content_id = c.id);
