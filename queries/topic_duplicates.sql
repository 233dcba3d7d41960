-- name: topic_duplicates
-- description: content with exactly this topic
-- budget: 100ms
-- param $1: column content.topic
SELECT c.id, c.user_id, c.generated_at FROM content c WHERE c.topic = $1
