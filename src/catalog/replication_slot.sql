-- Replication slots and the WAL they keep.
-- Servers: 13 to 18. Privileges: none.
SELECT s.slot_name::text, s.slot_type, s.plugin::text, s.database::text, s.active, s.active_pid,
       s.temporary, age(s.xmin), age(s.catalog_xmin),
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END, s.restart_lsn)::int8,
       s.wal_status, s.safe_wal_size
FROM pg_replication_slots s
ORDER BY s.slot_name
