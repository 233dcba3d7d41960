-- name: SearchUsersByName :many
SELECT * FROM users WHERE display_name ILIKE '%' || @query::text || '%' LIMIT 20;
