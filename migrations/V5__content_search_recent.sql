-- Search by type and audience, newest first: spares the search its sort. Needs V6 as well: neither
-- of the two brings the search within 100 ms alone.
CREATE INDEX CONCURRENTLY idx_content_search_recent ON content (content_type, audience_level, generated_at DESC);
