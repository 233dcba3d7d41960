-- I/O by kind of backend, object and context; rows that counted nothing are left out.
-- Servers: 16 to 18. Privileges: none.
SELECT i.backend_type, i.object, i.context, i.reads, i.read_time, i.writes, i.write_time,
       i.extends, i.hits, i.evictions, i.fsyncs, i.stats_reset
FROM pg_stat_io i
WHERE coalesce(i.reads, 0) + coalesce(i.writes, 0) + coalesce(i.extends, 0)
      + coalesce(i.hits, 0) + coalesce(i.evictions, 0) + coalesce(i.fsyncs, 0) > 0
ORDER BY 1, 2, 3
