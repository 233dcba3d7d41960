-- name: ContentByTopicPattern :many
SELECT id, topic FROM content WHERE topic LIKE @pattern LIMIT 20;
