-- name: ContentByTopicPrefix :many
SELECT id, topic FROM content WHERE topic LIKE $1 || '%' LIMIT 20;
