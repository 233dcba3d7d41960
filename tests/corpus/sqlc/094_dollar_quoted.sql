-- name: DollarQuoted :one
SELECT $$ -- name: NotAQuery :one
SELECT @nothing; $$ AS text, count(*) FROM users WHERE id < $1;
