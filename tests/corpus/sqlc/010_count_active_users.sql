-- name: CountActiveUsers :one
SELECT count(*) FROM users WHERE is_active = $1;
