-- Purpose:    the operator classes by which values of some types can be indexed, each with the operators that its
--             indexes search by and sort by
-- Parameters: $1 the types' OIDs
-- Versions:   13 and later
-- Privileges: none
SELECT t.oid,
       am.amname::text,
       CASE WHEN pg_catalog.pg_opclass_is_visible(o.oid) THEN pg_catalog.quote_ident(o.opcname::text)
            ELSE pg_catalog.format('%I.%I', n.nspname, o.opcname) END AS class,
       o.opcdefault,
       o.opcintype = t.oid AS exact,
       coalesce(array_agg(DISTINCT p.oprname::text) FILTER (WHERE a.amoppurpose = 's'), '{}')::text[] AS searches,
       coalesce(array_agg(DISTINCT p.oprname::text) FILTER (WHERE a.amoppurpose = 'o'), '{}')::text[] AS sorts
  FROM unnest($1::oid[]) AS wanted(oid)
  JOIN pg_catalog.pg_type t ON t.oid = wanted.oid
  JOIN pg_catalog.pg_opclass o
    ON o.opcintype = t.oid
    OR (o.opcintype = 'pg_catalog.anyarray'::pg_catalog.regtype::oid AND t.typcategory = 'A')
    OR (o.opcintype = 'pg_catalog.anyrange'::pg_catalog.regtype::oid AND t.typtype = 'r')
    OR (o.opcintype = 'pg_catalog.anyenum'::pg_catalog.regtype::oid AND t.typtype = 'e')
    -- Multiranges came with 14.
    OR (o.opcintype = pg_catalog.to_regtype('pg_catalog.anymultirange')::oid AND t.typtype = 'm')
    OR EXISTS (SELECT FROM pg_catalog.pg_cast c
                WHERE c.castsource = t.oid AND c.casttarget = o.opcintype
                  AND c.castmethod = 'b' AND c.castcontext = 'i')
  JOIN pg_catalog.pg_am am ON am.oid = o.opcmethod
  JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
  LEFT JOIN pg_catalog.pg_amop a ON a.amopfamily = o.opcfamily AND a.amoplefttype = o.opcintype
  LEFT JOIN pg_catalog.pg_operator p ON p.oid = a.amopopr
 GROUP BY t.oid, am.amname, o.oid, n.nspname, o.opcname, o.opcdefault, o.opcintype
 ORDER BY t.oid, am.amname, o.opcdefault DESC, exact DESC, class
