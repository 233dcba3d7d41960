-- Per table in which a migration tool keeps what it has applied, a query of its rows. Without them the tool would begin anew.
SELECT n.nspname AS schema, c.relname AS name,
       (SELECT format('SELECT json_agg(json_object(ARRAY[%s]::text[], ARRAY[%s]::text[])) FROM ONLY %I.%I AS e',
                      string_agg(quote_literal(attname), ', ' ORDER BY attnum),
                      string_agg(format('e.%I::text', attname), ', ' ORDER BY attnum), n.nspname, c.relname)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS query
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT array_agg(attname::text) AS names FROM pg_attribute
                    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.reltuples < 100000
  AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)
  AND (c.relname IN ('dbaudit_index_history', 'refinery_schema_history', '_sqlx_migrations', '__diesel_schema_migrations',
                     'seaql_migrations', 'alembic_version', 'django_migrations', 'schema_migrations', 'ar_internal_metadata',
                     '_prisma_migrations', 'knex_migrations', 'knex_migrations_lock', 'SequelizeMeta', 'pgmigrations',
                     '__drizzle_migrations', 'flyway_schema_history', 'databasechangelog', 'databasechangeloglock',
                     'goose_db_version', 'gorp_migrations', 'atlas_schema_revisions', '__EFMigrationsHistory')
       -- Laravel's and TypeORM's. Others may have a table of this name.
       OR c.relname = 'migrations' AND (names @> ARRAY['migration', 'batch'] OR names @> ARRAY['timestamp', 'name'])
          AND cardinality(names) = 3)
ORDER BY c.oid
