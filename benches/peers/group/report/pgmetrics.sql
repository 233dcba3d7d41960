-- What pgmetrics collects by default from one database, as the fields of its documented model name it: settings, databases
-- and tablespaces, roles, sessions, locks, replication, vacuums in progress, tables and indexes with counters
-- and sizes, index definitions, sequences, functions, extensions. Written for this bench; its estimate of bloat is
-- check_postgres's, which is measured by itself; and sizes are asked of this database alone, not of the large ones beside it. PostgreSQL 13 and later; any role of pg_monitor.
SELECT name, setting, boot_val, source, sourcefile, sourceline, pending_restart FROM pg_settings;
SELECT d.oid, d.datname, d.datdba, d.dattablespace, d.datconnlimit, age(d.datfrozenxid), pg_database_size(d.oid),
       s.numbackends, s.xact_commit, s.xact_rollback, s.blks_read, s.blks_hit, s.tup_returned, s.tup_fetched,
       s.tup_inserted, s.tup_updated, s.tup_deleted, s.conflicts, s.temp_files, s.temp_bytes, s.deadlocks,
       s.blk_read_time, s.blk_write_time, s.stats_reset
  FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database();
SELECT oid, spcname, pg_get_userbyid(spcowner), pg_tablespace_location(oid) FROM pg_tablespace;
SELECT r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
       r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil,
       array(SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)
  FROM pg_roles r;
SELECT pid, datname, usename, application_name, client_addr, client_hostname, backend_start, xact_start, query_start,
       state_change, wait_event_type, wait_event, state, backend_xid, backend_xmin, query, backend_type FROM pg_stat_activity;
SELECT locktype, database, relation, page, tuple, virtualxid, transactionid, pid, mode, granted, fastpath FROM pg_locks;
SELECT pid, usename, application_name, client_addr, backend_start, state, sent_lsn, write_lsn, flush_lsn, replay_lsn,
       sync_priority, sync_state FROM pg_stat_replication;
SELECT slot_name, plugin, slot_type, database, active, xmin, catalog_xmin, restart_lsn, confirmed_flush_lsn, temporary
  FROM pg_replication_slots;
SELECT * FROM pg_stat_bgwriter;
SELECT archived_count, last_archived_wal, last_archived_time, failed_count, stats_reset FROM pg_stat_archiver;
SELECT datname, relid, phase, heap_blks_total, heap_blks_scanned, heap_blks_vacuumed, index_vacuum_count
  FROM pg_stat_progress_vacuum;
SELECT s.relid, s.schemaname, s.relname, current_database(), s.seq_scan, s.seq_tup_read, s.idx_scan, s.idx_tup_fetch,
       s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.n_tup_hot_upd, s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze,
       s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze, s.vacuum_count, s.autovacuum_count,
       s.analyze_count, s.autoanalyze_count, io.heap_blks_read, io.heap_blks_hit, io.idx_blks_read, io.idx_blks_hit,
       io.toast_blks_read, io.toast_blks_hit, io.tidx_blks_read, io.tidx_blks_hit, c.relkind, c.relpersistence, c.relnatts,
       age(c.relfrozenxid), c.relispartition, c.reltablespace, c.relacl, pg_table_size(s.relid), pg_total_relation_size(s.relid),
       coalesce((SELECT p.inhparent::regclass::text FROM pg_inherits p WHERE p.inhrelid = s.relid LIMIT 1), ''),
       coalesce(pg_get_partkeydef(c.oid), ''), coalesce(pg_get_expr(c.relpartbound, c.oid), '')
  FROM pg_stat_user_tables s JOIN pg_statio_user_tables io ON io.relid = s.relid JOIN pg_class c ON c.oid = s.relid
 ORDER BY s.relid;
SELECT s.relid, s.indexrelid, s.schemaname, s.relname, s.indexrelname, current_database(), s.idx_scan, s.idx_tup_read,
       s.idx_tup_fetch, io.idx_blks_read, io.idx_blks_hit, pg_relation_size(s.indexrelid), pg_get_indexdef(s.indexrelid),
       am.amname, c.relnatts, c.reltablespace
  FROM pg_stat_user_indexes s JOIN pg_statio_user_indexes io ON io.indexrelid = s.indexrelid
  JOIN pg_class c ON c.oid = s.indexrelid JOIN pg_am am ON am.oid = c.relam ORDER BY s.relid;
SELECT relid, schemaname, relname, current_database(), blks_read, blks_hit FROM pg_statio_user_sequences;
SELECT funcid, schemaname, funcname, current_database(), calls, total_time, self_time FROM pg_stat_user_functions;
SELECT name, current_database(), default_version, installed_version, comment FROM pg_available_extensions
 WHERE installed_version IS NOT NULL;
SELECT t.oid, c.relname, t.tgname, p.proname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND t.tgenabled = 'D';
SELECT oid, pubname, puballtables, pubinsert, pubupdate, pubdelete FROM pg_publication;
