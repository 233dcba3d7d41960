-- A user's content, newest first.
CREATE INDEX CONCURRENTLY idx_content_user_date ON content (user_id, generated_at DESC);
