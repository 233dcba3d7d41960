SELECT schemaname AS schema, tablename AS relation, attname AS "column", inherited, null_frac::text, avg_width,
       n_distinct::text, most_common_vals::text, most_common_freqs::text, histogram_bounds::text, correlation::text,
       most_common_elems::text, most_common_elem_freqs::text, elem_count_histogram::text,
       range_length_histogram::text, range_empty_frac::text, range_bounds_histogram::text
FROM pg_stats
WHERE schemaname <> 'information_schema' AND schemaname !~ '^pg_'
ORDER BY schemaname, tablename, attname, inherited
