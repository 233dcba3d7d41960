-- The search's join to its metadata, one row at a time instead of the whole table.
CREATE INDEX CONCURRENTLY idx_content_metadata_content_id ON content_metadata (content_id);
