ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT ALL ON SCHEMA public TO app;
SET ROLE app;
CREATE TABLE customers (id bigint PRIMARY KEY, name varchar(40), code char(3), balance numeric(8,2));
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, state text, total int4, tags text[],
                     made timestamptz NOT NULL);
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, kind text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO customers SELECT g, 'name ' || g::text, 'abc', 5 FROM generate_series(1, 500) g;
INSERT INTO orders SELECT g, 1 + g % 500, 'state ' || (g % 7)::text, g % 100, ARRAY['a', 'b' || (g % 50)::text], now()
  FROM generate_series(1, 20000) g;
INSERT INTO events SELECT g, date '2026-01-01' + g % 365, 'kind' FROM generate_series(1, 5000) g;
CREATE INDEX old_index ON orders (total);
CREATE INDEX bloated_index ON orders (made);
CREATE STATISTICS together ON state, total FROM orders;
CREATE MATERIALIZED VIEW per_state AS SELECT state, count(*) FROM orders GROUP BY state;
CREATE SEQUENCE numbers AS int4 MAXVALUE 100 START 95;
ANALYZE customers, orders, events;
SELECT count(*) FROM orders WHERE total = 5;
SELECT id FROM orders WHERE customer_id = 7;
RESET ROLE;
