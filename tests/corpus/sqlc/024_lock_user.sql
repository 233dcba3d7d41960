-- name: LockUser :one
SELECT * FROM users WHERE id = $1 FOR UPDATE;
