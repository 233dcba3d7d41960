-- The type that a domain is of, however deep.
CREATE FUNCTION pg_temp.base_of(given oid) RETURNS oid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE types (oid) AS (
        SELECT given
        UNION ALL
        SELECT t.typbasetype FROM types JOIN pg_type t ON t.oid = types.oid WHERE t.typtype = 'd'
    )
    SELECT oid FROM types JOIN pg_type t USING (oid) WHERE t.typtype <> 'd'
$$;
-- The equality and the order that the type's default B-tree class has, as lookup_type_cache finds it.
CREATE FUNCTION pg_temp.operators_of(given oid, OUT equal oid, OUT less oid) LANGUAGE sql STABLE AS $$
    SELECT max(o.amopopr) FILTER (WHERE o.amopstrategy = 3), max(o.amopopr) FILTER (WHERE o.amopstrategy = 1)
    FROM (
        SELECT c.opcfamily, c.opcintype
        FROM pg_type t
        JOIN pg_opclass c ON c.opcmethod = 403 AND c.opcdefault
         AND (c.opcintype = t.oid
              OR c.opcintype = CASE WHEN t.typtype = 'e' THEN 3500 WHEN t.typtype = 'r' THEN 3831
                                    WHEN t.typtype = 'm' THEN 4537 WHEN t.typtype = 'c' THEN 2249
                                    WHEN t.typcategory = 'A' THEN 2277 END
              OR EXISTS (SELECT FROM pg_cast x WHERE x.castsource = t.oid AND x.casttarget = c.opcintype
                         AND x.castmethod = 'b' AND x.castcontext = 'i'))
        JOIN pg_type i ON i.oid = c.opcintype
        WHERE t.oid = given
        ORDER BY c.opcintype = t.oid DESC, i.typispreferred DESC
        LIMIT 1
    ) AS class
    JOIN pg_amop o ON o.amopfamily = class.opcfamily AND o.amoplefttype = class.opcintype
                  AND o.amoprighttype = class.opcintype
$$;
CREATE TEMP TABLE given (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema text, relation text, "column" text, inherited bool, null_frac float4, avg_width int, n_distinct float4,
    most_common_vals text, most_common_freqs float4[], histogram_bounds text, correlation float4,
    most_common_elems text, most_common_elem_freqs float4[], elem_count_histogram float4[],
    range_length_histogram text, range_empty_frac float4, range_bounds_histogram text
)
