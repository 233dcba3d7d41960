SELECT s.statistics_schemaname AS schema, s.statistics_name AS name, {inherited} AS inherited,
       encode(pg_ndistinct_send(s.n_distinct), 'hex') AS n_distinct,
       encode(pg_dependencies_send(s.dependencies), 'hex') AS dependencies,
       {most_common_vals} AS most_common_vals,
       -- They name columns by number and types by oid, which are others in the twin then.
       NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                   AND (a.attisdropped OR a.attname = ANY (s.attnames) AND a.atttypid >= 16384)) AS portable
FROM pg_stats_ext s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE s.statistics_schemaname !~ '^pg_'
