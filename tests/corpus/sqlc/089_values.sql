-- name: Values :many
VALUES ($1::int, 'a'), (2, $2::text);
