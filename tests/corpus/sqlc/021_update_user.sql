-- name: UpdateUser :one
UPDATE users
SET
  display_name = coalesce(sqlc.narg('display_name'), display_name),
  is_active = coalesce(sqlc.narg('is_active'), is_active)
WHERE id = sqlc.arg('id')
RETURNING *;
