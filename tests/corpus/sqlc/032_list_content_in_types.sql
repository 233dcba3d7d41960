-- name: ListContentInTypes :many
SELECT id FROM content WHERE content_type IN ($1, $2) LIMIT 100;
