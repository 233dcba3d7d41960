-- Search by type and audience.
CREATE INDEX CONCURRENTLY idx_content_search ON content (content_type, audience_level);
