-- The indexes of some tables, as far as a run with nothing to do depends on them: less than half of what the full
-- questions cost a new backend, whose caches are empty. pg_index alone is joined; names are in the definitions.
-- One message, hence one transaction. Servers: 13 and later. Privileges: SELECT on the history.
-- The comments are replaced by the tables, as a list of '…'::regclass, and by the history table
-- (catalog/index_state/glance.rs). A table that is not there is an error.
SET LOCAL lock_timeout = '10ms'; -- Whoever holds a lock on a catalog, the full questions find out.
SHOW block_size;
SELECT ARRAY[/* tables */]::oid[] AS asked, pg_is_in_recovery() AS in_recovery;
SELECT i.indrelid, i.indexrelid, i.indisvalid, i.indisready, i.indislive,
       pg_get_indexdef(i.indexrelid) AS definition,
       (SELECT relpages FROM pg_class WHERE oid = i.indrelid) AS table_pages,
       (SELECT relpages FROM pg_class WHERE oid = i.indexrelid) AS index_pages
FROM pg_index i
-- No migration makes a primary key. To print the definitions costs the server nearly as much as all the rest.
WHERE i.indrelid IN (/* tables */) AND NOT i.indisprimary;
SELECT version, checksum FROM /* history */
