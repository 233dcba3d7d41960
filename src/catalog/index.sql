-- Indexes as pg_index holds them, with the counters behind pg_stat_user_indexes. pg_get_indexdef and
-- pg_get_expr are not asked here: they open the table, and would wait for a lock on it. A predicate that may be
-- made of `column IS NOT NULL` comes as the server keeps it, which opens nothing.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid, n.nspname::text, c.relname::text, i.indrelid, c.relkind,
       CASE WHEN c.relispartition
            THEN (SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = c.oid LIMIT 1) END,
       m.amname::text, pg_get_userbyid(c.relowner)::text, t.spcname::text,
       c.relpages, c.reltuples, age(c.xmin), c.reloptions,
       i.indnkeyatts, i.indkey, i.indclass, i.indcollation, i.indoption,
       i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate,
       i.indisvalid, i.indisready, i.indislive, i.indisreplident, i.indisclustered,
       i.indnullsnotdistinct, -- 15+
-- <15: false,
       i.indexprs IS NOT NULL, i.indpred IS NOT NULL,
       CASE WHEN i.indpred::text LIKE '{NULLTEST %' OR i.indpred::text LIKE '{BOOLEXPR :boolop and %'
            THEN i.indpred::text END,
       pg_stat_get_numscans(c.oid), pg_stat_get_tuples_returned(c.oid),
       pg_stat_get_tuples_fetched(c.oid),
       pg_stat_get_lastscan(c.oid), -- 16+
-- <16: NULL::timestamptz,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid),
       pg_stat_get_blocks_hit(c.oid)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_am m ON m.oid = c.relam
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
