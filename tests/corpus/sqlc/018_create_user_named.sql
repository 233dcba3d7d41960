-- name: CreateUserNamed :one
INSERT INTO users (
    email, display_name, is_active, created_at, last_used_at
) VALUES (
    @email, sqlc.narg('display_name'), true, @created_at, NULL
)
RETURNING id;
