-- pg_stat_statements as a whole. Marks count the extension's minor version.
-- Extension: 1.8 and later. Privileges: none.
SELECT (SELECT count(*) FROM pg_stat_statements(false)),
       i.dealloc, i.stats_reset -- 9+
-- <9: NULL::int8, NULL::timestamptz
FROM pg_stat_statements_info i -- 9+
