-- name: FilterUsers :many
SELECT * FROM users
WHERE (sqlc.narg('email')::text IS NULL OR email = sqlc.narg('email'))
  AND (sqlc.narg('is_active')::boolean IS NULL OR is_active = sqlc.narg('is_active'))
ORDER BY id
LIMIT @page_size::int;
