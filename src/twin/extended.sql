SELECT s.statistics_schemaname AS schema, s.statistics_name AS name, s.schemaname AS table_schema, s.tablename AS "table",
       coalesce(s.attnames, '{}') AS columns,
       ARRAY(SELECT a.attnum FROM unnest(s.attnames) WITH ORDINALITY AS name (name, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = name.name ORDER BY place) AS numbers,
       {inherited} AS inherited,
       encode(pg_ndistinct_send(s.n_distinct), 'hex') AS n_distinct,
       encode(pg_dependencies_send(s.dependencies), 'hex') AS dependencies,
       (SELECT json_agg(json_build_object(
                   'values', ARRAY(SELECT CASE WHEN NOT s.most_common_val_nulls[i][j] THEN s.most_common_vals[i][j] END
                                   FROM generate_subscripts(s.most_common_vals, 2) AS j ORDER BY j),
                   'frequency', s.most_common_freqs[i]::text,
                   'base_frequency', s.most_common_base_freqs[i]::text) ORDER BY i)
        FROM generate_subscripts(s.most_common_freqs, 1) AS i) AS most_common
FROM pg_stats_ext s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE s.statistics_schemaname !~ '^pg_'
