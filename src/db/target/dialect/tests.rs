use proptest::prelude::*;

use super::super::url::parse;

fn pairs(url: &str) -> String {
    let mut pairs: Vec<String> = parse(url)
        .unwrap_or_else(|wrong| panic!("{url}: {wrong}"))
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.sort();
    pairs.join(" ")
}

/// Each as SQLAlchemy 2.1 passes it to its driver (`create_connect_args`), dj-database-url 3 to Django, and the tests of
/// pgJDBC 42.7 have it.
#[test]
fn the_urls_of_other_tools_are_read_as_they_read_them() {
    for (url, expected) in [
        (
            "postgresql+asyncpg://ann:p%40ss%2Fw@db.example:6432/shop?ssl=require",
            "dbname=shop host=db.example password=p@ss/w port=6432 sslmode=require user=ann",
        ),
        (
            "postgresql+psycopg2://ann:secret@/shop?host=/var/run/postgresql&port=5433",
            "dbname=shop host=/var/run/postgresql password=secret port=5433 user=ann",
        ),
        (
            "postgresql+psycopg://ann@/shop?host=a:1&host=b:2&host=c:3",
            "dbname=shop host=a,b,c port=1,2,3 user=ann",
        ),
        (
            "postgresql+psycopg2://ann@/shop?host=a,b&port=1,2",
            "dbname=shop host=a,b port=1,2 user=ann",
        ),
        (
            "postgresql+psycopg2://ann:s+p@db/shop?options=-c+search_path%3Dapp&application_name=my+app",
            "application_name=my app dbname=shop host=db options=-c search_path=app password=s+p user=ann",
        ),
        (
            "postgresql+pg8000://ann@[::1]:5433/shop",
            "dbname=shop host=::1 port=5433 user=ann",
        ),
        (
            "postgresql+pg8000://u@/d?unix_sock=/cloudsql/a:b:c/.s.PGSQL.5432",
            "dbname=d host=/cloudsql/a:b:c port=5432 user=u",
        ),
        ("postgresql+psycopg://", ""),
        (
            "postgis://ann:p%23w@db:5433/shop?sslmode=require&currentSchema=app",
            "dbname=shop host=db options=-c search_path=app password=p#w port=5433 sslmode=require user=ann",
        ),
        ("pgsql://ann@db/shop", "dbname=shop host=db user=ann"),
        (
            "jdbc:postgresql:test",
            "dbname=test host=localhost port=5432",
        ),
        (
            "jdbc:postgresql://localhost:5433,locahost2:5434/test",
            "dbname=test host=localhost,locahost2 port=5433,5434",
        ),
        (
            "jdbc:postgresql://[::1]:5740/my%20data%23base%251?loggerFile=C%3A%5Cdir%5Cfile.log",
            "dbname=my data#base%1 host=::1 port=5740",
        ),
        ("jdbc:postgresql:///?service=shop", "service=shop"),
    ] {
        assert_eq!(pairs(url), expected, "{url}");
    }
}

/// Each with libpq's form of the same.
#[test]
fn parameters_of_other_tools_come_to_libpqs() {
    for (url, libpq) in [
        (
            "postgresql://u@h/d?schema=public&pgbouncer=true&connection_limit=1&pool_timeout=0",
            "postgresql://u@h/d?options=-c%20search_path%3D%22public%22",
        ),
        (
            "postgresql://u@h/d?schema=My%20\"App&options=-c%20jit%3Doff",
            "postgresql://u@h/d?options=-c%20jit%3Doff%20-c%20search_path%3D%22My%5C%20%22%22App%22",
        ),
        (
            "postgres://u@h/d?sslmode=require&sslaccept=accept_invalid_certs",
            "postgres://u@h/d?sslmode=require",
        ),
        (
            "jdbc:postgresql://h:1/d?user=u&password=p+w&ssl=true&ApplicationName=a",
            "postgresql://u:p%20w@h:1/d?sslmode=verify-full&application_name=a",
        ),
        (
            "jdbc:postgresql://h:1,i:2/d?user=u&sslmode=require&targetServerType=primary&loadBalanceHosts=true&\
             currentSchema=a,b&prepareThreshold=0&reWriteBatchedInserts=true&socketTimeout=30&tcpKeepAlive=true",
            "postgresql://u@h:1,i:2/d?sslmode=require&target_session_attrs=primary&load_balance_hosts=random&\
             options=-c%20search_path%3Da,b&keepalives=1",
        ),
        (
            "jdbc:postgresql://h:1/d?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
            "postgresql://h:1/d?sslmode=require",
        ),
        (
            "r2dbc:pool:postgresql://u@h:1/d?sslMode=VERIFY_FULL",
            "postgresql://u@h:1/d?sslmode=verify-full",
        ),
        ("vertx-reactive:postgresql://h:1/d", "postgresql://h:1/d"),
        (
            "postgres://u@h/d?ssl=true",
            "postgres://u@h/d?sslmode=require",
        ),
        (
            "postgres://u@h/d?ssl=no-verify",
            "postgres://u@h/d?sslmode=require",
        ),
        (
            "postgres://u@h/d?sslmode=no-verify",
            "postgres://u@h/d?sslmode=require",
        ),
        (
            "postgres://u@h/d?ssl=0&max=20&idle_timeout=5",
            "postgres://u@h/d",
        ),
        (
            "postgres://u@h/d?pool=5&prepared_statements=false&encoding=unicode&timeout=5000",
            "postgres://u@h/d",
        ),
        (
            "postgres://u@h/d?schema_search_path=a,public",
            "postgres://u@h/d?options=-c%20search_path%3Da,public",
        ),
        (
            "ecto://u:p@h/d?ssl=true&pool_size=10",
            "postgres://u:p@h/d?sslmode=require",
        ),
        (
            "postgresql://u@h/d?serverVersion=16&charset=utf8",
            "postgresql://u@h/d",
        ),
        (
            "pgx5://u@h/d?x-migrations-table=m&sslmode=disable",
            "postgres://u@h/d?sslmode=disable",
        ),
        (
            "postgres://u@h/d?pool_max_conns=10&default_query_exec_mode=simple_protocol",
            "postgres://u@h/d",
        ),
        (
            "postgres://u@h/d?TimeZone=UTC&search_path=app",
            "postgres://u@h/d?options=-c%20timezone%3DUTC%20-c%20search_path%3Dapp",
        ),
        (
            "postgres://u@h/d?statement-cache-capacity=5&options[search_path]=app",
            "postgres://u@h/d?options=-c%20search_path%3Dapp",
        ),
        (
            "postgres://u@/d?socket=/run/pg",
            "postgres://u@/d?host=/run/pg",
        ),
    ] {
        assert_eq!(pairs(url), pairs(libpq), "{url}");
    }
}

#[test]
fn what_cannot_be_taken_over_is_refused_with_what_works() {
    for (url, says) in [
        (
            "prisma://accelerate.example/?api_key=s3cret",
            "postgresql://",
        ),
        (
            "prisma+postgres://accelerate.example/?api_key=s3cret",
            "postgresql://",
        ),
        (
            "postgresql+auroradataapi://u:s3cret@h/d",
            "postgresql:// without `+auroradataapi`",
        ),
        (
            "jdbc:tc:postgresql:16:///d?password=s3cret",
            "jdbc:postgresql://",
        ),
        ("jdbc:mysql://h/d?password=s3cret", "jdbc:postgresql://"),
        ("mysql://u:s3cret@h/d", "write postgres://"),
        (
            "postgres://u:s3cret@h/d?sslidentity=c.p12&sslpassword=s3cret",
            "sslcert=FILE&sslkey=FILE",
        ),
        (
            "postgres://u:s3cret@h/d?sslaccept=strict",
            "sslmode=verify-full",
        ),
        (
            "postgres://u:s3cret@h/d?schema=public&sslcert=ca.pem",
            "sslrootcert=FILE",
        ),
        (
            "jdbc:postgresql:///d?cloudSqlInstance=a:b:c&password=s3cret",
            "postgresql://user@127.0.0.1:5432",
        ),
        (
            "jdbc:postgresql://h/d?sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
            "sslrootcert=system",
        ),
        (
            "jdbc:postgresql://h/d?targetServerType=preferPrimary",
            "target_session_attrs=primary",
        ),
        ("jdbc:postgresql://h/d?s3creT!=1", "leave it out"),
        ("postgresql+psycopg2://u:s3/cret@h/d", "%2F"),
    ] {
        let message = parse(url).unwrap_err();
        assert!(message.contains(says), "{url}: {message}");
        assert!(
            !message.contains("s3cre") && !message.contains("cret@"),
            "{message}"
        );
    }
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

proptest! {
    #[test]
    fn user_password_and_database_are_the_same_in_every_scheme(
        user in "[^\0]{1,9}", password in "[^\0]{1,9}", database in "[^\0]{1,9}"
    ) {
        let rest = format!("{}:{}@h:1/{}", encode(&user), encode(&password), encode(&database));
        let libpq = pairs(&format!("postgresql://{rest}"));
        for scheme in ["postgresql+asyncpg", "postgres+psycopg", "postgis", "jdbc:postgresql", "r2dbc:postgresql"] {
            prop_assert_eq!(&pairs(&format!("{scheme}://{rest}")), &libpq);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), query in any::<String>()) {
        for scheme in ["jdbc:postgresql:", "postgresql+psycopg://", "r2dbc:pool:", "prisma+", "postgres://h/d?"] {
            let _ = parse(&format!("{scheme}{text}?{query}"));
        }
    }
}
