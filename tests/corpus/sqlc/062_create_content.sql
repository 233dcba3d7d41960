-- name: CreateContent :one
INSERT INTO content (user_id, topic, content_type, audience_level, generated_at, body)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING *;
