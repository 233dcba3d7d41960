-- The view lacks the statistics of ranges, kinds 6 and 7 (pg_statistic.h), which a superuser may read where they are.
WITH ranges AS (
    SELECT n.nspname, c.relname, a.attname, s.stainherit,
           max(slot.vals) FILTER (WHERE slot.kind = 6) AS lengths, max(slot.numbers[1]) FILTER (WHERE slot.kind = 6) AS empty,
           max(slot.vals) FILTER (WHERE slot.kind = 7) AS bounds
    FROM pg_statistic s
    JOIN pg_class c ON c.oid = s.starelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
    CROSS JOIN LATERAL (VALUES (stakind1, stanumbers1, stavalues1::text), (stakind2, stanumbers2, stavalues2::text),
                               (stakind3, stanumbers3, stavalues3::text), (stakind4, stanumbers4, stavalues4::text),
                               (stakind5, stanumbers5, stavalues5::text)) AS slot (kind, numbers, vals)
    WHERE ARRAY[stakind1, stakind2, stakind3, stakind4, stakind5] && '{6,7}'::int2[]
    GROUP BY n.nspname, c.relname, a.attname, s.stainherit
)
SELECT schemaname AS schema, tablename AS relation, p.attname AS "column", inherited, null_frac::text, avg_width,
       n_distinct::text, most_common_vals::text, most_common_freqs::text, histogram_bounds::text, correlation::text,
       most_common_elems::text, most_common_elem_freqs::text, elem_count_histogram::text,
       r.lengths AS range_length_histogram, r.empty::text AS range_empty_frac, r.bounds AS range_bounds_histogram
FROM pg_stats p
LEFT JOIN ranges r ON r.nspname = p.schemaname AND r.relname = p.tablename AND r.attname = p.attname
                  AND r.stainherit = p.inherited
WHERE schemaname <> 'information_schema' AND schemaname !~ '^pg_'
ORDER BY schemaname, tablename, p.attname, p.inherited
