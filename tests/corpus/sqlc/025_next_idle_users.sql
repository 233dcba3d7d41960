-- name: NextIdleUsers :many
SELECT id FROM users WHERE is_active ORDER BY last_used_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED;
