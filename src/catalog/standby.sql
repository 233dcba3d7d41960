-- A standby's own view; no row on a primary.
-- Servers: 13 to 18. Privileges: none; pg_read_all_stats to see the receiver's status.
SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::int8,
       (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8,
       pg_is_wal_replay_paused(),
       (SELECT r.status FROM pg_stat_wal_receiver r)
WHERE pg_is_in_recovery()
