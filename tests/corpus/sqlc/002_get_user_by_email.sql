-- name: GetUserByEmail :one
SELECT id, email, display_name, is_active FROM users
WHERE email = @email;
