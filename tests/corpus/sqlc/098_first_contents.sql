-- name: FirstContents :many
SELECT id FROM content ORDER BY id FETCH FIRST $1 ROWS ONLY;
