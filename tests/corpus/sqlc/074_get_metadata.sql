-- name: GetMetadata :one
SELECT * FROM content_metadata WHERE content_id = $1;
