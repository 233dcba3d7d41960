//! The URLs of ORMs and drivers lead where libpq's form of the same leads psql.

use std::process::Command;

use super::{connect, nothing, target, value};
use crate::support::{self, Template};

const WHERE: &str = "SELECT concat_ws('|', current_user, current_database(), inet_server_port(), \
                     current_setting('search_path'), current_setting('TimeZone'))";

/// What psql gets at.
fn psql(url: &str, query: &str) -> String {
    let output = Command::new("psql")
        .args(["-XAtq", url, "-c", query])
        .env("PGAPPNAME", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{url}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_urls_of_orms_lead_where_psql_gets_by_libpqs_form() {
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    let setup =
        "CREATE SCHEMA app; CREATE SCHEMA \"My App\"; CREATE ROLE orm_ann LOGIN PASSWORD 'p@ss w'";
    client.batch_execute(setup).await.unwrap();
    let (_, place) = database.url.split_once('@').unwrap();
    for (own, libpq) in [
        (
            "postgresql+asyncpg://orm_ann:p%40ss%20w@PLACE",
            "postgresql://orm_ann:p%40ss%20w@PLACE",
        ),
        (
            "postgresql+psycopg://orm_ann@PLACE?options=-c+search_path%3Dapp",
            "postgresql://orm_ann@PLACE?options=-c%20search_path%3Dapp",
        ),
        (
            "postgresql://orm_ann@PLACE?schema=My%20App&pgbouncer=true&connection_limit=5&pool_timeout=2&connect_timeout=9",
            "postgresql://orm_ann@PLACE?options=-c%20search_path%3D%22My%5C%20App%22&connect_timeout=9",
        ),
        (
            "jdbc:postgresql://PLACE?user=orm_ann&password=p%40ss+w&currentSchema=app,public&ssl=false&prepareThreshold=0",
            "postgresql://orm_ann@PLACE?options=-c%20search_path%3Dapp,public",
        ),
        (
            "postgis://orm_ann@PLACE?conn_max_age=600",
            "postgresql://orm_ann@PLACE",
        ),
        (
            "postgres://orm_ann@PLACE?pool=5&prepared_statements=false&schema_search_path=app",
            "postgresql://orm_ann@PLACE?options=-c%20search_path%3Dapp",
        ),
        (
            "ecto://orm_ann@PLACE?pool_size=3",
            "postgresql://orm_ann@PLACE",
        ),
        (
            "pgx5://orm_ann@PLACE?sslmode=disable&TimeZone=Asia/Tokyo&x-migrations-table=m",
            "postgresql://orm_ann@PLACE?sslmode=disable&options=-c%20TimeZone%3DAsia/Tokyo",
        ),
    ] {
        let (own, libpq) = (own.replace("PLACE", place), libpq.replace("PLACE", place));
        let session = connect(&own).await.unwrap();
        assert_eq!(value(&session, WHERE).await, psql(&libpq, WHERE), "{own}");
    }
    client.batch_execute("DROP ROLE orm_ann").await.unwrap();
}

#[test]
fn forms_of_others_that_cannot_be_read_name_one_that_works() {
    for text in [
        "Host=h;Port=5432;Username=u;Password=s3cret;Database=d",
        "pgsql:host=h;dbname=d;user=u;password=s3cret",
        "'postgres://u:s3cret@h/d'",
        "psql 'postgres://u:s3cret@h/d'",
        "prisma://accelerate.example/?api_key=s3cret",
    ] {
        let error = target(text, &nothing()).unwrap_err();
        assert_eq!(error.outcome().status(), 2);
        let text = format!("{error} | {}", error.hint().unwrap_or_default());
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("postgres"), "{text}");
    }
}
