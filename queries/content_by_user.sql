-- name: content_by_user
-- description: a user's content, newest first
-- budget: 100ms
-- param $1: column content.user_id
-- param $2: values 20
-- param $3: values 0, 1000
SELECT c.id, c.topic, c.content_type, c.generated_at FROM content c WHERE c.user_id = $1 ORDER BY c.generated_at DESC LIMIT $2 OFFSET $3
