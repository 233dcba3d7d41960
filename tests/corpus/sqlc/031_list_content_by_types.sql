-- name: ListContentByTypes :many
SELECT id, content_type FROM content WHERE content_type = ANY(@types::text[]) LIMIT 100;
