-- The partitions below partitioned tables, on every level. Servers: 13 and later. Privileges: none.
-- $1: the tables' OIDs.
WITH RECURSIVE tree (oid, parent, root) AS (
  SELECT r.oid, NULL::oid, r.oid FROM unnest($1::oid[]) AS r (oid)
  UNION ALL
  SELECT h.inhrelid, h.inhparent, t.root
  FROM tree t
  JOIN pg_class p ON p.oid = t.oid AND p.relkind = 'p'
  JOIN pg_inherits h ON h.inhparent = t.oid
  -- inhdetachpending: 14 and later
  WHERE (to_jsonb(h) ->> 'inhdetachpending'::text)::bool IS NOT TRUE
)
SELECT oid, parent, root FROM tree WHERE parent IS NOT NULL ORDER BY root, oid
