-- name: Ping :exec
SELECT 1;
