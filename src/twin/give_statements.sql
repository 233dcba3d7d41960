-- The twin's own pg_stat_statements shows what is in a table.
CREATE TABLE {schema}.dbaudit_statements AS SELECT * FROM {schema}.pg_stat_statements LIMIT 0;
CREATE OR REPLACE VIEW {schema}.pg_stat_statements AS SELECT * FROM {schema}.dbaudit_statements
