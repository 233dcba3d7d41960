-- name: ListContentNotIn :many
SELECT id FROM content WHERE NOT (content_type = ANY($1::text[])) LIMIT 100;
