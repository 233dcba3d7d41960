-- name: ContentOfActiveUsers :many
SELECT c.id FROM content c WHERE c.user_id IN (SELECT u.id FROM users u WHERE u.is_active = $1) AND c.content_type = $2 LIMIT 20;
