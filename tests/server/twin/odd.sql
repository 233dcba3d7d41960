CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION pageinspect;
CREATE SCHEMA "Odd Schema";
CREATE TEXT SEARCH CONFIGURATION "Odd Schema".words (COPY = simple);
DO $$
DECLARE setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY['max_parallel_workers_per_gather = 0', 'parallel_leader_participation = off', 'work_mem = ''1MB''',
        'enable_memoize = off', 'random_page_cost = 1.1', 'timezone = ''Asia/Kathmandu''', 'datestyle = ''SQL, DMY''',
        'intervalstyle = ''sql_standard''', 'default_text_search_config = ''"Odd Schema".words''', 'temp_buffers = ''4MB''',
        'search_path = "Odd Schema", public'] LOOP
        BEGIN
            EXECUTE format('ALTER DATABASE %I SET %s', current_database(), setting);
        EXCEPTION WHEN undefined_object THEN
            -- Older servers do not know all of them.
        END;
    END LOOP;
END $$;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE "fast one" LOCATION '' WITH (random_page_cost = 1.3, seq_page_cost = 0.9);
CREATE TABLESPACE slow LOCATION '' WITH (random_page_cost = 7);
CREATE TYPE "Odd Schema"."Färbe" AS ENUM ('rot', 'grün', 'it''s');
CREATE TYPE "Odd Schema".pair AS (a int, b text);
CREATE DOMAIN "Odd Schema".positive AS int CHECK (VALUE > 0);
CREATE DOMAIN "Odd Schema".always AS "Odd Schema".positive NOT NULL;
CREATE TABLE "Odd Schema"."My ""Table""" (
    "Id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, attrs hstore, gone int, path ltree, mood "Odd Schema"."Färbe",
    p "Odd Schema".pair, n "Odd Schema".always, room int, at timestamptz(3), flags bit(8), txt text COLLATE "C", arr int[], js jsonb,
    dbl double precision, gen int GENERATED ALWAYS AS (room * 2) STORED, UNIQUE (n, room) DEFERRABLE INITIALLY DEFERRED
) WITH (autovacuum_enabled = false);
ALTER TABLE "Odd Schema"."My ""Table""" DROP COLUMN gone;
INSERT INTO "Odd Schema"."My ""Table""" (attrs, path, mood, p, n, room, at, flags, txt, arr, js, dbl)
    SELECT hstore('k', (n % 10)::text), ('a.b' || n % 50)::ltree, (ARRAY['rot', 'grün', 'it''s'])[1 + n % 3]::"Odd Schema"."Färbe",
           ROW(n, ('x' || n)::text)::"Odd Schema".pair, n, n % 100, timestamptz '2025-01-01' + n * interval '1 min', (n % 256)::bit(8),
           CASE WHEN n % 5 = 0 THEN NULL ELSE E'tab\tnl\n"quo''te\\' || n % 40 END, ARRAY[n % 7, n % 11], jsonb_build_object('a', n % 13),
           CASE WHEN n % 100 = 0 THEN 'NaN' WHEN n % 101 = 0 THEN 'Infinity' ELSE n / 7.0::float8 END
    FROM generate_series(1, 20000) AS n;
CREATE INDEX "idx ü" ON "Odd Schema"."My ""Table""" (txt DESC NULLS LAST) INCLUDE (room);
CREATE INDEX odd_attrs ON "Odd Schema"."My ""Table""" USING gin (attrs) TABLESPACE slow;
CREATE INDEX odd_words ON "Odd Schema"."My ""Table""" USING gin (to_tsvector('simple', txt));
CREATE INDEX odd_lists ON "Odd Schema"."My ""Table""" USING gin ((arr || room)) WITH (fastupdate = off);
CREATE INDEX odd_path ON "Odd Schema"."My ""Table""" USING gist (path) TABLESPACE slow;
CREATE INDEX odd_at ON "Odd Schema"."My ""Table""" (at) WHERE mood = 'it''s';
CREATE INDEX odd_dbl ON "Odd Schema"."My ""Table""" (dbl) TABLESPACE "fast one";
CREATE INDEX odd_flags ON "Odd Schema"."My ""Table""" (flags);
CREATE INDEX odd_js ON "Odd Schema"."My ""Table""" ((js ->> 'a'));
CREATE INDEX odd_p ON "Odd Schema"."My ""Table""" (p);
CREATE STATISTICS "Odd Schema"."st at" (mcv) ON room, mood, txt FROM "Odd Schema"."My ""Table""";
CREATE STATISTICS "Odd Schema".together (ndistinct, dependencies) ON mood, gen, room FROM "Odd Schema"."My ""Table""";
CREATE TABLE public.parent (id int, v text) TABLESPACE "fast one";
CREATE TABLE public.child () INHERITS (public.parent);
CREATE INDEX child_id ON public.child (id);
INSERT INTO public.child SELECT n, 'v' || n % 10 FROM generate_series(1, 5000) AS n;
INSERT INTO public.parent SELECT n, 'p' FROM generate_series(1, 3000) AS n;
CREATE FUNCTION public.no_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no rows here'; END $$;
CREATE TRIGGER no_rows BEFORE INSERT ON public.child FOR EACH ROW EXECUTE FUNCTION public.no_rows();
CREATE FUNCTION public.no_changes() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no changes here'; END $$;
VACUUM ANALYZE;
-- Beyond the histograms: the rows at the ends of the indexes say how far. And in the pending list of the GIN index.
INSERT INTO "Odd Schema"."My ""Table""" (attrs, p, n, room, dbl)
    SELECT hstore('k', 'new'), ROW(n, ('new')::text)::"Odd Schema".pair, n, n % 100, n FROM generate_series(20001, 21500) AS n;
CREATE EVENT TRIGGER no_changes ON ddl_command_start EXECUTE FUNCTION public.no_changes();
