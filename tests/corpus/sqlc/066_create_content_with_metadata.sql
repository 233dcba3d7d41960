-- name: CreateContentWithMetadata :one
WITH new_content AS (
    INSERT INTO content (user_id, topic, content_type, audience_level, generated_at, body)
    VALUES (@user_id, @topic, @content_type, @audience_level, now(), @body) RETURNING id
)
INSERT INTO content_metadata (content_id, word_count) SELECT id, @word_count::int FROM new_content RETURNING content_id;
