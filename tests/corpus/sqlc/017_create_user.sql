-- name: CreateUser :one
INSERT INTO users (email, display_name, created_at)
VALUES ($1, $2, now())
RETURNING *;
