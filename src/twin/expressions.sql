-- The statistics of expressions in CREATE STATISTICS, as rows of `columns`: the object in the place of the relation, the
-- expression in that of the column. 14 and later.
SELECT statistics_schemaname AS schema, statistics_name AS relation, expr AS "column", {inherited} AS inherited,
       null_frac::text, avg_width, n_distinct::text, most_common_vals::text, most_common_freqs::text, histogram_bounds::text,
       correlation::text, most_common_elems::text, most_common_elem_freqs::text, elem_count_histogram::text
FROM pg_stats_ext_exprs s
WHERE statistics_schemaname !~ '^pg_' AND null_frac IS NOT NULL
ORDER BY statistics_schemaname, statistics_name
