-- name: ContentOnDay :many
SELECT id FROM content WHERE date_trunc('day', generated_at) = date_trunc('day', @day::timestamptz) LIMIT 10;
