-- Connected standbys and other receivers of WAL.
-- Servers: 13 to 18. Privileges: none; pg_read_all_stats to see more than pid, user and application.
SELECT r.pid, r.usename::text, r.application_name, r.client_addr::text, r.state, r.sync_state,
       age(r.backend_xmin),
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END, r.replay_lsn)::int8,
       (extract(epoch FROM r.replay_lag) * 1000)::float8
FROM pg_stat_replication r
ORDER BY r.pid
