-- Duplicate topics. A hash index: topics are long, and only ever compared for equality.
CREATE INDEX CONCURRENTLY idx_content_topic_hash ON content USING hash (topic);
