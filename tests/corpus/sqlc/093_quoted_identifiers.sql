-- name: QuotedIdentifiers :many
SELECT "c"."id" AS "The Id" FROM "content" AS "c" WHERE "c"."user_id" = @user_id AND "c"."topic" <> ':x' LIMIT 3;
