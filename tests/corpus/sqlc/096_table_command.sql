-- name: TableCommand :many
TABLE users LIMIT 3;
