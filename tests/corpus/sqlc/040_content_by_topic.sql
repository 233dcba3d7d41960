-- name: ContentByTopic :many
SELECT id, user_id FROM content WHERE topic = $1;
