-- Rows of pg_statistic from those of pg_stats in `given`. The slots and their operators are those that ANALYZE would choose
-- (analyze.c, array_typanalyze.c, rangetypes_typanalyze.c).
WITH columns AS MATERIALIZED (
    SELECT g.*, c.oid AS relid, a.attnum, {column_type} AS type, a.attcollation AS coll
    FROM given g
    JOIN pg_namespace n ON n.nspname = g.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = g.relation
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = g."column" AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_opclass k ON k.oid = i.indclass[a.attnum - 1]
), types AS MATERIALIZED (
    SELECT known.type, own.equal, own.less, base.element, base.oid = 3614 AS is_vector, of_element.equal AS element_equal
    FROM (SELECT DISTINCT type FROM columns) AS known
    -- An array's elements; a text search vector's are texts.
    CROSS JOIN LATERAL (SELECT oid, CASE WHEN oid = 3614 THEN 25 ELSE typelem END AS element
                        FROM pg_type WHERE oid = pg_temp.base_of(known.type)) AS base
    CROSS JOIN LATERAL pg_temp.operators_of(base.oid) AS own (equal, less)
    CROSS JOIN LATERAL pg_temp.operators_of(pg_temp.base_of(base.element)) AS of_element (equal, less)
), typed AS MATERIALIZED (
    SELECT columns.*, equal, less, element, element_equal, CASE WHEN is_vector THEN 100 ELSE coll END AS element_coll
    FROM columns JOIN types USING (type)
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
        SELECT id, 4, element_equal, element_coll, most_common_elem_freqs, most_common_elems, element
        FROM typed WHERE most_common_elems IS NOT NULL
        UNION ALL
        SELECT id, 5, element_equal, element_coll, elem_count_histogram, NULL, NULL
        FROM typed WHERE elem_count_histogram IS NOT NULL
        UNION ALL
        SELECT id, 6, 672, 0, ARRAY[coalesce(range_empty_frac, 0)], range_length_histogram, 701
        FROM typed WHERE range_length_histogram IS NOT NULL
        UNION ALL
        SELECT id, 7, 0, 0, NULL, range_bounds_histogram, type FROM typed WHERE range_bounds_histogram IS NOT NULL
    ) AS all_slots
), rows AS (
    SELECT id, array_agg(kind ORDER BY n) AS kinds, array_agg(operator ORDER BY n) AS operators,
           array_agg(coll ORDER BY n) AS colls, array_agg(numbers::text ORDER BY n) AS numbers,
           array_agg(vals ORDER BY n) AS vals, array_agg(type ORDER BY n) AS types
    FROM slots GROUP BY id
)
INSERT INTO pg_statistic
SELECT relid, attnum, inherited, null_frac, avg_width, n_distinct,
       coalesce(kinds[1], 0), coalesce(kinds[2], 0), coalesce(kinds[3], 0), coalesce(kinds[4], 0), coalesce(kinds[5], 0),
       coalesce(operators[1], 0), coalesce(operators[2], 0), coalesce(operators[3], 0), coalesce(operators[4], 0),
       coalesce(operators[5], 0),
       coalesce(colls[1], 0), coalesce(colls[2], 0), coalesce(colls[3], 0), coalesce(colls[4], 0), coalesce(colls[5], 0),
       numbers[1]::float4[], numbers[2]::float4[], numbers[3]::float4[], numbers[4]::float4[], numbers[5]::float4[],
       array_in(vals[1]::cstring, types[1], -1), array_in(vals[2]::cstring, types[2], -1),
       array_in(vals[3]::cstring, types[3], -1), array_in(vals[4]::cstring, types[4], -1),
       array_in(vals[5]::cstring, types[5], -1)
FROM typed LEFT JOIN rows USING (id)
