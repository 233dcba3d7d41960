-- name: FilterContent :many
SELECT id, topic FROM content
WHERE content_type = coalesce(sqlc.narg('content_type'), content_type)
  AND audience_level = coalesce(sqlc.narg('audience_level'), audience_level)
  AND user_id = @user_id
ORDER BY CASE WHEN @newest_first::bool THEN generated_at END DESC, generated_at
LIMIT @page_size OFFSET @page_start;
