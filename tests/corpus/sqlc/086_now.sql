-- name: Now :one
SELECT now();
