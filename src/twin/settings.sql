-- What the planner goes by, where it is not as built in; and what constants and text search mean, which a new cluster sets by
-- itself.
SELECT name, setting
FROM pg_settings
WHERE setting IS DISTINCT FROM boot_val
  AND (category LIKE 'Query Tuning%'
       -- The others that EXPLAIN (SETTINGS) shows.
       OR name IN ('debug_parallel_query', 'effective_io_concurrency', 'force_parallel_mode', 'hash_mem_multiplier',
                   'io_combine_limit', 'maintenance_io_concurrency', 'max_parallel_workers', 'max_parallel_workers_per_gather',
                   'parallel_leader_participation', 'search_path', 'temp_buffers', 'work_mem')
       OR name IN ('array_nulls', 'default_statistics_target', 'default_tablespace', 'default_transaction_isolation',
                   'standard_conforming_strings', 'transform_null_equals'))
   OR name IN ('DateStyle', 'IntervalStyle', 'TimeZone', 'default_text_search_config')
