-- name: GetUserByEmailInsensitive :one
SELECT * FROM users WHERE lower(email) = lower(sqlc.arg(email)) LIMIT 1;
