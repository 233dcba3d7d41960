-- name: ContentPerDay :many
SELECT date_trunc('day', generated_at)::date AS day, count(*) FROM content WHERE user_id = $1 GROUP BY 1 ORDER BY 1;
