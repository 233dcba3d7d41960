-- The tables that index migrations name, their partitions, and every index on them.
-- Servers: 13 and later. Privileges: none beyond CONNECT and USAGE of the schemas.
-- $1: tables, quoted as SQL; $2: indexes to be dropped or rebuilt, quoted as SQL; $3: for each of $1 the name of
-- the index wanted on it; $4: the history table, quoted as SQL.
-- One row, one column: JSON (catalog/index_state.rs).
WITH RECURSIVE wanted AS (
  SELECT w.asked, w.index_name, to_regclass(w.asked)::oid AS oid
  FROM unnest($1::text[], $3::text[]) AS w (asked, index_name)
), named AS (
  SELECT n.asked, c.oid, c.relkind::text AS kind, i.indrelid AS relid
  FROM unnest($2::text[]) AS n (asked)
  LEFT JOIN pg_class c ON c.oid = to_regclass(n.asked)
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
), tree (oid, parent, root) AS (
  SELECT DISTINCT roots.oid, NULL::oid, roots.oid
  FROM (SELECT oid FROM wanted WHERE oid IS NOT NULL
        UNION SELECT relid FROM named WHERE relid IS NOT NULL
        UNION SELECT oid FROM named WHERE kind IN ('r', 'm', 'p')) AS roots
  UNION ALL
  SELECT h.inhrelid, h.inhparent, t.root
  FROM tree t
  JOIN pg_class p ON p.oid = t.oid AND p.relkind = 'p'
  JOIN pg_inherits h ON h.inhparent = t.oid
  -- inhdetachpending: 14 and later
  WHERE (to_jsonb(h) ->> 'inhdetachpending')::bool IS NOT TRUE
)
SELECT json_build_object(
  'in_recovery', pg_is_in_recovery(),
  'version_num', current_setting('server_version_num')::int,
  'user', current_user,
  'database', current_database(),
  'may_create_temporary', has_database_privilege(current_database(), 'TEMPORARY'),
  'history', (SELECT json_build_object('schema', n.nspname, 'name', c.relname)
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = to_regclass($4)),
  'tables', (SELECT coalesce(json_agg(json_build_object('asked', asked, 'oid', oid::int8)), '[]') FROM wanted),
  'named', (SELECT coalesce(json_agg(json_build_object(
              'asked', asked, 'oid', oid::int8, 'kind', kind, 'table', relid::int8)), '[]') FROM named),
  'taken', (SELECT coalesce(json_agg(json_build_object(
              'oid', x.oid::int8, 'kind', x.relkind, 'schema', n.nspname, 'name', x.relname,
              'table', (SELECT i.indrelid::int8 FROM pg_index i WHERE i.indexrelid = x.oid),
              'table_name', (SELECT t.relname FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
                             WHERE i.indexrelid = x.oid))), '[]')
            FROM wanted w
            JOIN pg_class c ON c.oid = w.oid
            JOIN pg_class x ON x.relnamespace = c.relnamespace AND x.relname = w.index_name
            JOIN pg_namespace n ON n.oid = x.relnamespace),
  'relations', (SELECT coalesce(json_agg(json_build_object(
      'oid', t.oid::int8, 'parent', t.parent::int8, 'root', t.root::int8, 'kind', c.relkind, 'schema', n.nspname, 'name', c.relname,
      'owned', pg_has_role(c.relowner, 'USAGE'),
      'owner', pg_get_userbyid(c.relowner),
      'may_create', has_schema_privilege(c.relnamespace, 'CREATE'),
      'bytes', greatest(c.relpages, 0)::int8 * current_setting('block_size')::int8,
      'indexes', (SELECT coalesce(json_agg(json_build_object(
          'oid', x.oid::int8, 'schema', n.nspname, 'name', x.relname, 'partitioned', x.relkind = 'I',
          'valid', i.indisvalid, 'ready', i.indisready, 'live', i.indislive,
          'unique', i.indisunique, 'replica_identity', i.indisreplident,
          'attached_to', (SELECT inhparent::int8 FROM pg_inherits WHERE inhrelid = x.oid),
          'constraint', (SELECT conname FROM pg_constraint
                         WHERE conindid = x.oid AND contype IN ('p', 'u', 'x') LIMIT 1),
          'comment', obj_description(x.oid, 'pg_class'),
          'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = x.reltablespace),
          'bytes', greatest(x.relpages, 0)::int8 * current_setting('block_size')::int8,
          'definition', pg_get_indexdef(x.oid),
          -- What stands behind the table's name. The head is what ruleutils.c prints, by the same quoting.
          'tail', substr(pg_get_indexdef(x.oid), 1 + length(format('CREATE %sINDEX %I ON %s%I.%I ',
                    CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname,
                    CASE WHEN x.relkind = 'I' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname)))
          ) ORDER BY x.oid), '[]')
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid)
    ) ORDER BY t.root, t.oid), '[]')
    FROM tree t JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace)
)::text
