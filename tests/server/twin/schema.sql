CREATE SCHEMA shop;
CREATE TYPE shop.state AS ENUM ('new', 'paid', 'sent', 'back');
CREATE DOMAIN shop.email AS varchar(200) CHECK (VALUE ~ '@');
CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail shop.email NOT NULL UNIQUE,
    city text NOT NULL,
    postcode text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    born date,
    active boolean NOT NULL,
    balance numeric(12, 2) NOT NULL CHECK (balance > -1000000)
);
CREATE INDEX z_city ON shop.customers (city);
CREATE INDEX a_city_postcode ON shop.customers (city, postcode);
CREATE INDEX customers_lower ON shop.customers (lower(mail));
CREATE INDEX customers_prefix ON shop.customers (mail text_pattern_ops);
CREATE INDEX customers_tags ON shop.customers USING gin (tags);
CREATE INDEX customers_inactive ON shop.customers (balance DESC NULLS LAST) WHERE NOT active;
CREATE STATISTICS shop.places (ndistinct, dependencies, mcv) ON city, postcode FROM shop.customers;
CREATE TABLE shop.orders (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    at timestamptz NOT NULL,
    state shop.state NOT NULL,
    total numeric(10, 2) NOT NULL,
    span tstzrange,
    gross numeric GENERATED ALWAYS AS (total * 1.2) STORED,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE shop.orders_2 PARTITION OF shop.orders FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;
CREATE INDEX orders_customer ON shop.orders (customer_id, at DESC);
CREATE INDEX orders_at ON shop.orders USING brin (at);
CREATE INDEX orders_span ON shop.orders USING gist (span);
CREATE INDEX orders_open ON shop.orders (at) WHERE state <> 'sent';
CREATE TABLE shop.items (
    order_id bigint NOT NULL,
    line smallint NOT NULL,
    product int NOT NULL,
    amount int NOT NULL,
    note text,
    PRIMARY KEY (order_id, line)
);
CREATE INDEX items_product ON shop.items USING hash (product);
CREATE INDEX items_amount ON shop.items (amount) INCLUDE (product);
CREATE MATERIALIZED VIEW shop.sums AS
    SELECT customer_id AS id, sum(total) AS sum FROM shop.orders GROUP BY customer_id WITH NO DATA;
CREATE INDEX sums_id ON shop.sums (id);
CREATE TABLE public.empty (id int PRIMARY KEY, v text);
