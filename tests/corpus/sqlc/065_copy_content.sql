-- name: CopyContent :execrows
INSERT INTO content (user_id, topic, content_type, audience_level, generated_at, body)
SELECT user_id, topic, content_type, audience_level, now(), body FROM content WHERE id = $1;
