-- name: UpsertUser :exec
INSERT INTO users (id, email, created_at) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET email = excluded.email, last_used_at = $4;
