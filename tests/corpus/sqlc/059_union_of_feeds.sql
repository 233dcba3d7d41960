-- name: UnionOfFeeds :many
SELECT id, generated_at FROM content WHERE user_id = $1
UNION ALL
SELECT id, generated_at FROM content WHERE topic = $2
ORDER BY generated_at DESC LIMIT $3;
