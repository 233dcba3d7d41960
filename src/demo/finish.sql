-- After the rows: the foreign keys (checked once, instead of row by row) and the identities' next values.
-- Any server from 13 on; needs ownership of the tables.
ALTER TABLE content ADD FOREIGN KEY (user_id) REFERENCES users (id);
ALTER TABLE content_metadata ADD FOREIGN KEY (content_id) REFERENCES content (id);
SELECT setval('users_id_seq', (SELECT max(id) FROM users));
SELECT setval('content_id_seq', (SELECT max(id) FROM content));
SELECT setval('content_metadata_id_seq', (SELECT max(id) FROM content_metadata));
