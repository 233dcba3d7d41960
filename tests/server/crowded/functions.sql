-- Every function gets siblings for types that are otherwise cast to its own.
SET search_path = pg_catalog;
DO $$
DECLARE
  types oid[] := ARRAY['text', 'name', 'varchar', 'int2', 'int4', 'int8', 'oid', 'numeric', 'float4', 'float8', 'bool',
    '"char"', 'text[]', 'name[]', 'oid[]', 'int2[]', 'int4[]', 'timestamptz', 'timestamp', 'interval', 'json', 'jsonb',
    'regclass', 'int2vector', 'xid', 'date', 'inet']::regtype[]::oid[];
  other record;
  type oid;
  given oid[];
BEGIN
  FOR other IN
    SELECT p.proname, p.pronargs::int4, p.proargtypes::oid[] AS takes FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.pronargs BETWEEN 1 AND 4 AND p.provariadic = 0
      AND NOT EXISTS (SELECT FROM unnest(p.proargtypes::oid[]) AS t (oid) JOIN pg_type USING (oid) WHERE typtype = 'p')
  LOOP
    FOR place IN 0 .. other.pronargs - 1 LOOP
      FOREACH type IN ARRAY types LOOP
        given := other.takes[0 : place - 1] || type || other.takes[place + 1 : other.pronargs - 1];
        IF EXISTS (SELECT FROM pg_cast c WHERE c.castsource = type AND c.casttarget = other.takes[place] AND c.castcontext = 'i')
           AND to_regprocedure(format('public.%I(%s)', other.proname,
                 (SELECT string_agg(format_type(t, NULL), ',') FROM unnest(given) AS t))) IS NULL
           AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.proname = other.proname AND p.proargtypes::oid[] = given) THEN
          EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS bool LANGUAGE sql AS ''SELECT NULL::bool''', other.proname,
            (SELECT string_agg(format_type(t, NULL), ',') FROM unnest(given) AS t));
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
