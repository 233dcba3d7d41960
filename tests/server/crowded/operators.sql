-- Every pair of types that the server has no operator of this name for gets one.
SET search_path = pg_catalog;
DO $$
DECLARE
  types regtype[] := ARRAY['text', 'name', 'varchar', 'int2', 'int4', 'int8', 'oid', 'numeric', 'float4', 'float8', 'bool',
    '"char"', 'text[]', 'name[]', 'oid[]', 'int2[]', 'int4[]', 'float4[]', 'timestamptz', 'timestamp', 'interval', 'json',
    'jsonb', 'regclass', 'regtype', 'regrole', 'regnamespace', 'regproc', 'int2vector', 'oidvector', 'xid', 'date', 'pg_lsn', 'inet'];
  l regtype;
  r regtype;
  operator text;
  called text;
BEGIN
  FOREACH l IN ARRAY types LOOP
    FOREACH r IN ARRAY types LOOP
      called := format('of %s and %s', l, r);
      EXECUTE format('CREATE FUNCTION public.%I(%s, %s) RETURNS bool LANGUAGE sql AS ''SELECT NULL::bool''', called, l, r);
      FOREACH operator IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '%', '||', '@>', '<@', '&&', '->',
          '->>', '~', '~*', '~~', '!~', '!~*', '!~~', '^', '|', '&', '>>', '#>', '?'] LOOP
        IF NOT EXISTS (SELECT FROM pg_operator WHERE oprname = operator AND oprleft = l AND oprright = r) THEN
          EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.%I, LEFTARG = %s, RIGHTARG = %s)', operator, called, l, r);
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
