-- name: Echo :one
SELECT $1::text AS echoed, $2::jsonb -> 'a' AS a, $3::uuid AS id, $4::date AS day, $5::interval AS span;
