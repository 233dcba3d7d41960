-- name: TouchUser :exec
UPDATE users SET last_used_at = now() WHERE id = $1;
