-- name: ListIdleUsers :many
SELECT * FROM users WHERE last_used_at < now() - sqlc.arg(idle)::interval ORDER BY last_used_at LIMIT 50;
