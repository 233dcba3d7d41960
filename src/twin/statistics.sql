-- Rows of pg_statistic from those of pg_stats, $1. The slots and their operators are those that ANALYZE would choose
-- (analyze.c, array_typanalyze.c, rangetypes_typanalyze.c).
WITH given AS (
    SELECT row_number() OVER () AS id, g.*
    FROM json_to_recordset($1::text::json) AS g (
        schema text, relation text, "column" text, inherited bool, null_frac float4, avg_width int, n_distinct float4,
        most_common_vals text, most_common_freqs float4[], histogram_bounds text, correlation float4,
        most_common_elems text, most_common_elem_freqs float4[], elem_count_histogram float4[],
        range_length_histogram text, range_empty_frac float4, range_bounds_histogram text)
), typed AS (
    SELECT g.*, c.oid AS relid, a.attnum, a.atttypid AS type, a.attcollation AS coll, of_type.*,
           -- An array's elements; a text search vector's are texts.
           CASE WHEN base.oid = 3614 THEN 25 ELSE base.typelem END AS element,
           CASE WHEN base.oid = 3614 THEN 100 ELSE a.attcollation END AS element_collation
    FROM given g
    JOIN pg_namespace n ON n.nspname = g.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = g.relation
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = g."column" AND NOT a.attisdropped
    CROSS JOIN LATERAL pg_temp.base_of(a.atttypid) AS base_oid
    JOIN pg_type base ON base.oid = base_oid
    CROSS JOIN LATERAL pg_temp.operators_of(base.oid) AS of_type (equal, less)
), slots AS (
    SELECT id, row_number() OVER (PARTITION BY id ORDER BY kind) AS n, kind, operator, coll, numbers, vals, type
    FROM (
        SELECT id, 1 AS kind, equal AS operator, coll, most_common_freqs AS numbers, most_common_vals AS vals, type
        FROM typed WHERE most_common_vals IS NOT NULL
        UNION ALL
        SELECT id, 2, less, coll, NULL, histogram_bounds, type FROM typed WHERE histogram_bounds IS NOT NULL
        UNION ALL
        SELECT id, 3, less, coll, ARRAY[correlation], NULL, NULL FROM typed WHERE correlation IS NOT NULL
        UNION ALL
        SELECT id, 4, o.equal, element_collation, most_common_elem_freqs, most_common_elems, element
        FROM typed CROSS JOIN LATERAL pg_temp.operators_of(pg_temp.base_of(element)) AS o (equal, less)
        WHERE most_common_elems IS NOT NULL
        UNION ALL
        SELECT id, 5, o.equal, element_collation, elem_count_histogram, NULL, NULL
        FROM typed CROSS JOIN LATERAL pg_temp.operators_of(pg_temp.base_of(element)) AS o (equal, less)
        WHERE elem_count_histogram IS NOT NULL
        UNION ALL
        SELECT id, 6, 672, 0, ARRAY[coalesce(range_empty_frac, 0)], range_length_histogram, 701
        FROM typed WHERE range_length_histogram IS NOT NULL
        UNION ALL
        SELECT id, 7, 0, 0, NULL, range_bounds_histogram, type FROM typed WHERE range_bounds_histogram IS NOT NULL
    ) AS all_slots
)
INSERT INTO pg_statistic
SELECT t.relid, t.attnum, t.inherited, t.null_frac, t.avg_width, t.n_distinct,
       coalesce(s1.kind, 0), coalesce(s2.kind, 0), coalesce(s3.kind, 0), coalesce(s4.kind, 0), coalesce(s5.kind, 0),
       coalesce(s1.operator, 0), coalesce(s2.operator, 0), coalesce(s3.operator, 0), coalesce(s4.operator, 0),
       coalesce(s5.operator, 0),
       coalesce(s1.coll, 0), coalesce(s2.coll, 0), coalesce(s3.coll, 0), coalesce(s4.coll, 0),
       coalesce(s5.coll, 0),
       s1.numbers, s2.numbers, s3.numbers, s4.numbers, s5.numbers,
       array_in(s1.vals::cstring, s1.type, -1), array_in(s2.vals::cstring, s2.type, -1),
       array_in(s3.vals::cstring, s3.type, -1), array_in(s4.vals::cstring, s4.type, -1),
       array_in(s5.vals::cstring, s5.type, -1)
FROM typed t
LEFT JOIN slots s1 ON s1.id = t.id AND s1.n = 1
LEFT JOIN slots s2 ON s2.id = t.id AND s2.n = 2
LEFT JOIN slots s3 ON s3.id = t.id AND s3.n = 3
LEFT JOIN slots s4 ON s4.id = t.id AND s4.n = 4
LEFT JOIN slots s5 ON s5.id = t.id AND s5.n = 5
