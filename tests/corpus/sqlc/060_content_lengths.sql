-- name: ContentLengths :many
SELECT id, length(body) FROM content WHERE user_id = $1 AND length(body) > $2;
