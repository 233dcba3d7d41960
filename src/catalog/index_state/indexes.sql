-- Every index of some tables. Servers: 13 and later. Privileges: none. $1: see where the comment is replaced
-- (catalog/index_state/load.rs).
SELECT i.indrelid AS "table", x.oid, n.nspname::text AS schema, x.relname::text AS name,
       x.relkind = 'I' AS partitioned, i.indisvalid AS valid, i.indisready AS ready, i.indislive AS live,
       i.indisunique AS "unique", i.indisreplident AS replica_identity,
       CASE WHEN x.relispartition THEN (SELECT inhparent FROM pg_inherits WHERE inhrelid = x.oid) END AS attached_to,
       i.indisclustered AS clustered,
       CASE WHEN x.reltablespace <> 0::oid
            THEN (SELECT spcname::text FROM pg_tablespace WHERE oid = x.reltablespace) END AS tablespace,
       greatest(x.relpages, 0)::int8 * current_setting('block_size')::int8 AS bytes,
       d.definition,
       -- What stands behind the table's name. The head is what ruleutils.c prints, by the same quoting.
       substr(d.definition, 1 + length(format('CREATE %sINDEX %I ON %s%I.%I ',
              CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname,
              CASE WHEN x.relkind = 'I' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname))) AS tail
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_get_indexdef(x.oid) AS d (definition)
WHERE i.indrelid = ANY (/* tables */) AND d.definition IS NOT NULL
ORDER BY x.oid
