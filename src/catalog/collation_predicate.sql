-- Partial indexes whose predicates compare texts by these collations: `name < 'm'`. Equality is the same in all.
-- The operators are <, <=, >, >= of text and of char(n).
-- $1: the collations' oids.
-- Servers: 13 to 18. Privileges: none.
SELECT i.indexrelid, c.oid
FROM unnest($1::oid[]) AS c (oid)
JOIN pg_index i
  ON i.indpred::text ~ (':opno (664|665|666|667|1058|1059|1060|1061) [^{}]*:inputcollid ' || c.oid || ' ')
