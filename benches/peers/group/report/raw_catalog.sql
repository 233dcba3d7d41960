-- The floor under any report: the four catalogs, each read once. PostgreSQL 13 and later; any role.
SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relowner, c.reltablespace, c.relpages, c.reltuples, c.relallvisible,
       c.reltoastrelid, c.relpersistence, c.relispartition, c.reloptions, c.relfrozenxid, c.relminmxid,
       pg_stat_get_numscans(c.oid), pg_stat_get_tuples_returned(c.oid), pg_stat_get_tuples_fetched(c.oid),
       pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid),
       pg_stat_get_tuples_hot_updated(c.oid), pg_stat_get_live_tuples(c.oid), pg_stat_get_dead_tuples(c.oid),
       pg_stat_get_mod_since_analyze(c.oid), pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid),
       pg_stat_get_last_analyze_time(c.oid)
  FROM pg_class c;
SELECT indexrelid, indrelid, indnatts, indnkeyatts, indisunique, indisprimary, indisexclusion, indisvalid, indisready,
       indislive, indisreplident, indkey, indclass, indcollation, indoption, indexprs IS NOT NULL, indpred IS NOT NULL
  FROM pg_index;
SELECT attrelid, attnum, attname, atttypid, atttypmod, attlen, attalign, attnotnull, attisdropped, attcollation
  FROM pg_attribute WHERE attnum > 0;
SELECT oid, conname, contype, conrelid, conindid, confrelid, conkey, confkey, convalidated, conparentid
  FROM pg_constraint;
