-- What a B-tree leaves empty. $1: its oid. Reads the index whole.
-- Extension pgstattuple. Privileges: pg_stat_scan_tables (pg_monitor has it).
SELECT $1::oid, i.index_size,
       (i.index_size * (1 - least(coalesce(nullif(i.avg_leaf_density, 'NaN'), 100), 100) / 100)
        + (i.deleted_pages + i.empty_pages) * 8192)::int8
FROM pgstatindex($1::oid::regclass) i
