-- name: RandomContent :one
SELECT id FROM content TABLESAMPLE SYSTEM (1) LIMIT 1;
