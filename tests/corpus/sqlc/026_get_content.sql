-- name: GetContent :one
SELECT * FROM content WHERE id = $1;
