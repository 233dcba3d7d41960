-- name: DeactivateIdleUsers :execrows
UPDATE users SET is_active = false WHERE last_used_at < $1 AND id < 500;
