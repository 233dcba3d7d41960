-- Purpose:    the types of a statement's parameters, and of the columns they may be drawn from
-- Parameters: $1 the types' oids, $2 the columns' tables as SQL, $3 the columns
-- Versions:   13 and later
-- Privileges: none
SELECT 0 AS place, t.oid, t.typcategory::text AS category, 0::oid AS base, NULL::text AS source
  FROM pg_catalog.pg_type t
 WHERE t.oid = ANY ($1)
 UNION ALL
SELECT c.place::int4, a.atttypid, t.typcategory::text, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END,
       -- What a new row needs there: a key of another table that this one does not refer to yet; else something new.
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index i
                          WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1
                            AND i.indkey[0] = a.attnum AND i.indpred IS NULL)
            THEN coalesce((SELECT pg_catalog.format('SELECT r.%I FROM %s r WHERE NOT EXISTS (SELECT FROM %s x WHERE x.%I = r.%I) LIMIT 1',
                                                    f.attname, k.confrelid::regclass, k.conrelid::regclass, a.attname, f.attname)
                             FROM pg_catalog.pg_constraint k
                             JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
                            WHERE k.contype = 'f' AND k.conrelid = a.attrelid
                              AND pg_catalog.cardinality(k.conkey) = 1 AND k.conkey[1] = a.attnum
                            LIMIT 1), '')
       END
  FROM ROWS FROM (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[])) WITH ORDINALITY AS c(tab, col, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass(c.tab)::oid AND a.attname = c.col AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
