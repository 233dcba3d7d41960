-- name: UpdateBody :exec
UPDATE content SET body = $2, generated_at = now() WHERE id = $1;
