-- The blocks that this transaction has read so far, by the server's own count for this session alone:
-- what pg_stat_xact_all_tables is made of. No other session's blocks are in it, on any version.
-- $1: tables and indexes that were read beside the catalogs.
-- Servers: 13 to 18. Privileges: none.
SELECT current_setting('track_counts')::bool, sum(hit)::int8, sum(fetched - hit)::int8
FROM (SELECT pg_stat_get_xact_blocks_fetched(c.oid) AS fetched, pg_stat_get_xact_blocks_hit(c.oid) AS hit
      FROM pg_class c
      WHERE c.oid < 16384 OR c.oid = ANY ($1)) AS read
