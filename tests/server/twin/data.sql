SELECT setseed(0.4711);
INSERT INTO shop.customers (mail, city, postcode, tags, born, active, balance)
SELECT 'user' || n || '@example' || n % 7 || '.org', 'city' || (n % 400) / (1 + n % 3), 'p' || (n % 400),
       ARRAY['t' || n % 11, 't' || n % 501], date '1950-01-01' + (random() * 20000)::int, n % 50 <> 0,
       round((random() * 5000)::numeric, 2)
FROM generate_series(1, 20000) AS n;
INSERT INTO shop.orders (id, customer_id, at, state, total, span)
SELECT n, 1 + (20000 * random() ^ 3)::int % 20000, timestamptz '2025-01-01' + n * interval '9 minutes',
       (ARRAY['new', 'paid', 'sent', 'sent', 'sent', 'back'])[1 + n % 6]::shop.state, round((random() ^ 2 * 900)::numeric, 2),
       CASE WHEN n % 4 > 0 THEN tstzrange(timestamptz '2025-01-01' + n * interval '9 minutes',
            timestamptz '2025-01-01' + n * interval '9 minutes' + random() * interval '3 days') END
FROM generate_series(1, 60000) AS n;
INSERT INTO shop.items
SELECT n / 3, n % 3, (1000 * random() ^ 4)::int, 1 + (random() * 20)::int, CASE WHEN n % 9 = 0 THEN 'note ' || n END
FROM generate_series(1, 150000) AS n;
REFRESH MATERIALIZED VIEW shop.sums;
VACUUM ANALYZE;
ANALYZE shop.orders;
