-- What years of use leave behind, for the report to find: two indexes that somebody made twice.
-- Any server from 13 on; needs ownership of the tables.
CREATE INDEX idx_users_email ON users (email);
CREATE INDEX users_email_lookup ON users (email);
