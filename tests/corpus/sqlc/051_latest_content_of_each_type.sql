-- name: LatestContentOfEachType :many
SELECT DISTINCT ON (content_type) content_type, id, generated_at FROM content
WHERE user_id = $1 ORDER BY content_type, generated_at DESC;
