-- name: ListRecentContent :many
SELECT id, topic FROM content WHERE generated_at > now() - make_interval(days => $1::int) LIMIT 20;
