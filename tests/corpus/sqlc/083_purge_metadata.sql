-- name: PurgeMetadata :exec
DELETE FROM content_metadata m USING content c WHERE c.id = m.content_id AND c.content_type = $1 AND c.id < 50;
