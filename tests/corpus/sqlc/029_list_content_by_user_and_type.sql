-- name: ListContentByUserAndType :many
SELECT id, topic FROM content
WHERE user_id = @user_id AND content_type = @content_type
ORDER BY generated_at DESC LIMIT @limit_rows;
