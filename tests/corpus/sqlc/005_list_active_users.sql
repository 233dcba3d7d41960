-- name: ListActiveUsers :many
-- The start page's list.
SELECT id, email, last_used_at FROM users
WHERE is_active
ORDER BY last_used_at DESC NULLS LAST
LIMIT sqlc.arg('limit') OFFSET sqlc.arg('offset');
