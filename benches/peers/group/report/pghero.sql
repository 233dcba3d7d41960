-- What PgHero's overview, space and index pages show, each page's figures asked for as its documentation describes them:
-- cache hit rates, connections, long-running queries, transaction id danger, sequences, sizes of all relations, index usage,
-- unused, invalid and duplicate indexes with their definitions. Written for this bench; any role of pg_monitor.
SELECT round(sum(heap_blks_hit) / nullif(sum(heap_blks_hit) + sum(heap_blks_read), 0), 4) FROM pg_statio_user_tables;
SELECT round(sum(idx_blks_hit) / nullif(sum(idx_blks_hit) + sum(idx_blks_read), 0), 4) FROM pg_statio_user_indexes;
SELECT pg_database_size(current_database());
SELECT datname, usename, application_name, client_addr, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3, 4, 5;
SELECT pid, state, application_name, now() - query_start, query FROM pg_stat_activity
 WHERE state <> 'idle' AND pid <> pg_backend_pid() AND now() - query_start > interval '1 minute';
SELECT n.nspname, c.relname, 2146483648 - greatest(age(c.relfrozenxid), age(t.relfrozenxid)) AS left_before_wraparound
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
 WHERE c.relkind = 'r' AND 2146483648 - greatest(age(c.relfrozenxid), age(t.relfrozenxid)) < 10000000;
SELECT n.nspname, c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attnum > 0 AND NOT a.attisdropped AND pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval%';
SELECT n.nspname, c.relname, c.relkind, pg_table_size(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' AND c.relkind IN ('r', 'm', 'i')
 ORDER BY 4 DESC, 2;
SELECT schemaname, relname, idx_scan, seq_scan, n_live_tup FROM pg_stat_user_tables ORDER BY n_live_tup DESC, relname;
SELECT schemaname, relname, indexrelname, pg_relation_size(i.indexrelid), idx_scan
  FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
 WHERE NOT indisunique AND idx_scan <= 50 ORDER BY 4 DESC, 2;
SELECT n.nspname, t.relname, c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisunique, i.indisprimary,
       am.amname, i.indexprs IS NOT NULL, pg_get_expr(i.indpred, i.indrelid),
       array(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am am ON am.oid = c.relam
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' ORDER BY 1, 2, 3;
SELECT relname, n_dead_tup, last_autovacuum, last_autoanalyze FROM pg_stat_user_tables ORDER BY n_dead_tup DESC;
SELECT name, setting, unit FROM pg_settings
 WHERE name IN ('max_connections', 'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem', 'max_wal_size');
