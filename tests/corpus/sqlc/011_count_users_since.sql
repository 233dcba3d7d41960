-- name: CountUsersSince :one
SELECT count(*) FROM users WHERE created_at >= $1;
