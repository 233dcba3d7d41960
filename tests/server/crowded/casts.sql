-- Every type may be taken for another one, as some do who come from another database.
DO $$
DECLARE
  source text;
  target text;
BEGIN
  FOREACH source IN ARRAY ARRAY['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'date', 'timestamp',
      'timestamptz', 'oid', 'uuid', 'inet', 'name', 'json', 'jsonb', 'interval', 'text', '"char"', 'regclass', 'xid', 'pg_lsn'] LOOP
    FOREACH target IN ARRAY ARRAY['text', 'int4', 'varchar', 'bool', 'int8', 'date', 'numeric', 'json'] LOOP
      BEGIN
        EXECUTE format('CREATE CAST (%s AS %s) WITH INOUT AS IMPLICIT', source, target);
      EXCEPTION WHEN OTHERS THEN
        -- There is one, or it is the type itself.
      END;
    END LOOP;
  END LOOP;
END $$;
