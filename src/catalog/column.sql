-- Columns of tables, TOAST tables left out. Of a domain, also the type it is over, through other domains.
-- Servers: 13 to 18. Privileges: none.
WITH RECURSIVE domain AS (
    SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT d.oid, t.typbasetype FROM domain d JOIN pg_type t ON t.oid = d.typbasetype AND t.typtype = 'd'
), base AS (
    SELECT d.oid, d.typbasetype FROM domain d JOIN pg_type t ON t.oid = d.typbasetype AND t.typtype <> 'd'
)
SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.attlen, a.attalign, a.attstorage,
       a.attnotnull, a.attcollation, a.attstattarget::int2, a.attidentity,
       b.typbasetype
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN base b ON b.oid = a.atttypid
WHERE a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'm', 'f')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
