-- The statistics that `dbaudit report` reads about statements; the server preloads the library.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
