-- name: CreateContentBatch :batchexec
INSERT INTO content (user_id, topic, content_type, audience_level, generated_at, body)
SELECT unnest(@user_ids::bigint[]), 'topic', 'quiz', 'beginner', now(), 'body';
