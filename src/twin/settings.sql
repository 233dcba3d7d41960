SELECT name, setting
FROM pg_settings
WHERE (category LIKE 'Query Tuning%'
       OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers', 'max_worker_processes',
                   'default_statistics_target', 'search_path', 'effective_io_concurrency', 'temp_buffers',
                   'default_tablespace', 'standard_conforming_strings', 'default_transaction_isolation'))
  AND setting IS DISTINCT FROM boot_val
  AND name <> 'max_worker_processes'
