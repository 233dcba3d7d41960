-- What would replace production's statistics and sizes by those of empty tables is refused, with the reason.
CREATE FUNCTION pg_catalog.dbaudit_refuse_analyze(statistics bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this server is a twin: ANALYZE would replace production''s statistics by those of empty tables';
END $$;
-- ANALYZE asks this function of every column's type first.
UPDATE pg_type SET typanalyze = 'pg_catalog.dbaudit_refuse_analyze'::regproc;
CREATE FUNCTION pg_catalog.dbaudit_refuse_change() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Indexes of temporary tables disturb nobody; dbaudit reads definitions from them.
    IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'p')) THEN
        RAISE EXCEPTION 'this server is a twin: % would lose the sizes that production''s tables have', TG_TAG
        USING HINT = 'Let dbaudit run what changes the schema before it gives the sizes: dbaudit twin SNAPSHOT --migrate COMMAND';
    END IF;
END $$;
CREATE EVENT TRIGGER dbaudit_refuse_change ON ddl_command_start
    WHEN TAG IN ('CREATE INDEX', 'ALTER TABLE', 'REFRESH MATERIALIZED VIEW') EXECUTE FUNCTION pg_catalog.dbaudit_refuse_change()
