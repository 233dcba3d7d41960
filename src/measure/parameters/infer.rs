//! Sources for parameters without one in the header: from the plan's conditions, else from the statement's
//! text, else a value of the type.

use std::collections::BTreeMap;

use tokio_postgres::types::{Kind, Oid, Type};

use crate::{
    Error, Result,
    advise::{ParameterUse, TableFacts, parameter_uses},
    catalog::{QualifiedName, load_table_facts},
    db::Session,
    measure::bare_plan,
    workload::{ColumnRef, End, QueryFile, Role, Source},
};

/// What was found of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferredParameter {
    /// Never unsaid.
    pub source: Source,
    /// The data or the text tell; else it is only a value of its type.
    pub is_known: bool,
    /// In words: `is compared with content.user_id (=)`.
    pub told: String,
    /// Where the source has nothing to give.
    pub fallback: Source,
}

/// Number of values in the arrays drawn.
const LISTS: [usize; 2] = [1, 100];

/// Each parameter of a query, as if none were declared.
pub async fn infer_parameters(
    session: &Session,
    query: &QueryFile,
) -> Result<Vec<InferredParameter>> {
    const NAME: &str = "dbaudit_infer";
    let statement = session
        .prepare(&query.sql)
        .await
        .map_err(Error::server("preparing the query"))?;
    let types = statement.params();
    if types.is_empty() {
        return Ok(Vec::new());
    }
    let forget = format!("DEALLOCATE {NAME}");
    session
        .batch_execute(&format!("PREPARE {NAME} AS {}", query.sql))
        .await
        .map_err(Error::server("preparing the query"))?;
    // Without values, run-time pruning would leave no partition.
    let settings = "SET LOCAL enable_partition_pruning = off;";
    let plan = bare_plan(session, NAME, &vec![None; types.len()], settings).await;
    session
        .batch_execute(&forget)
        .await
        .map_err(Error::server("deallocating a prepared statement"))?;
    let plan = plan?;
    let relations = plan.relations().into_iter().collect();
    let facts = load_table_facts(session, &relations).await?;
    let tables: BTreeMap<QualifiedName, &TableFacts> = facts
        .iter()
        .map(|(name, facts)| (name.clone(), facts))
        .collect();
    let uses = parameter_uses(&plan, &tables);
    let known = TypeFacts::load(session, types, &uses, &query.roles).await?;
    let inferred = types.iter().enumerate().map(|(at, own)| {
        let role = query.roles.get(at).and_then(Option::as_ref);
        let (fallback, what) = known.arbitrary(own, role, at + 1);
        let told = format!(
            "is {what}, and there is no source for its values: an arbitrary value of \
             the type is used"
        );
        known
            .source(
                own,
                uses.get(&(at + 1)).map_or(&[][..], Vec::as_slice),
                role,
            )
            .map_or_else(
                || InferredParameter {
                    source: fallback.clone(),
                    is_known: false,
                    told,
                    fallback: fallback.clone(),
                },
                |(source, told)| InferredParameter {
                    source,
                    is_known: true,
                    told,
                    fallback: fallback.clone(),
                },
            )
    });
    Ok(inferred.collect())
}

/// The types of parameters and columns.
struct TypeFacts {
    categories: BTreeMap<Oid, String>,
    columns: Vec<(ColumnRef, ColumnFacts)>,
}

struct ColumnFacts {
    oid: Oid,
    base: Oid,
    category: String,
    /// The column is unique: a query for what may be inserted, or empty.
    unique: Option<String>,
}

impl TypeFacts {
    async fn load(
        session: &Session,
        types: &[Type],
        uses: &BTreeMap<usize, Vec<ParameterUse>>,
        roles: &[Option<Role>],
    ) -> Result<Self> {
        let compared = uses.values().flatten().map(|one| &one.column);
        let written = roles.iter().flatten().filter_map(|role| match role {
            Role::Inserted(column) | Role::Set(column) => Some(column),
            Role::Limit | Role::Offset | Role::Cast(_) => None,
        });
        let columns: Vec<&ColumnRef> = compared.chain(written).collect();
        let oids: Vec<Oid> = types
            .iter()
            .flat_map(|own| [Some(own.oid()), element(own).map(Type::oid)])
            .flatten()
            .collect();
        let tables: Vec<String> = columns.iter().map(|c| c.quoted_table()).collect();
        let names: Vec<&str> = columns.iter().map(|c| c.column.as_str()).collect();
        let rows = session
            .query(include_str!("infer.sql"), &[&oids, &tables, &names])
            .await
            .map_err(Error::server(
                "reading the types of a statement's parameters",
            ))?;
        let mut known = Self {
            categories: BTreeMap::new(),
            columns: Vec::new(),
        };
        for row in rows {
            let place = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
            let (oid, category) = (row.get(1), row.get(2));
            match place.checked_sub(1) {
                None => {
                    known.categories.insert(oid, category);
                }
                Some(at) => {
                    if let Some(column) = columns.get(at) {
                        let facts = ColumnFacts {
                            oid,
                            base: row.get(3),
                            category,
                            unique: row.get(4),
                        };
                        known.columns.push(((*column).clone(), facts));
                    }
                }
            }
        }
        Ok(known)
    }

    /// A column's facts, if a parameter of this type takes its values.
    fn fitting(&self, own: &Type, column: &ColumnRef) -> Option<&ColumnFacts> {
        let (_, facts) = self.columns.iter().find(|(known, _)| known == column)?;
        let category = self.categories.get(&own.oid()).map_or("", String::as_str);
        let is_same = [facts.oid, facts.base].contains(&own.oid());
        let is_alike = category == facts.category && ["N", "S", "D"].contains(&category);
        // Whatever it is, as text.
        let is_text =
            category == "S" && ["N", "D", "E", "B", "I"].contains(&facts.category.as_str());
        (is_same || is_alike || is_text).then_some(facts)
    }

    /// A value for the `n`th parameter, and of what type it is.
    fn arbitrary(&self, own: &Type, role: Option<&Role>, n: usize) -> (Source, String) {
        let is_text = self.categories.get(&own.oid()).is_some_and(|it| it == "S");
        if let Some(Role::Cast(name)) = role.filter(|_| is_text)
            && let Some(source) = of_name(name, n)
        {
            return (source, format!("cast to {name}"));
        }
        (of_type(own, n), format!("of type {own}"))
    }

    fn source(
        &self,
        own: &Type,
        uses: &[ParameterUse],
        role: Option<&Role>,
    ) -> Option<(Source, String)> {
        let values = |values: &[&str]| {
            Source::Values(values.iter().map(|v| Some((*v).to_owned())).collect())
        };
        match role {
            Some(Role::Limit) => {
                return Some((values(&["20"]), "is a page length: 20".into()));
            }
            Some(Role::Offset) => {
                let told = "is a page offset: 0 and 1000";
                return Some((values(&["0", "1000"]), told.into()));
            }
            _ => {}
        }
        let compared = uses.iter().find_map(|one| {
            let column = &one.column;
            if one.is_list {
                self.fitting(element(own)?, column)?;
                let told = format!(
                    "is a list of values of {column}: of 1 and of up to {}",
                    LISTS[1]
                );
                return Some((Source::Lists(column.clone(), LISTS.to_vec()), told));
            }
            self.fitting(own, column)?;
            let end = match one.operator.as_str() {
                ">" | ">=" => Some(End::Lowest),
                "<" | "<=" => Some(End::Highest),
                _ => None,
            };
            Some(match end {
                Some(end) => {
                    let which = match end {
                        End::Lowest => "lowest",
                        End::Highest => "highest",
                    };
                    let told =
                        format!("is a bound of a range of {column}: worst, its {which} value");
                    (Source::End(column.clone(), end), told)
                }
                None => (
                    Source::Column(column.clone()),
                    format!("is compared with {column}"),
                ),
            })
        });
        compared.or_else(|| match role {
            Some(Role::Inserted(column)) => {
                let facts = self.fitting(own, column)?;
                Some(match facts.unique.as_deref() {
                    None => (
                        Source::Occurring(column.clone()),
                        format!("is written to {column}"),
                    ),
                    Some("") => {
                        let told = format!(
                            "is written to {column}, which is unique: a value that does not exist"
                        );
                        (Source::New(column.clone()), told)
                    }
                    Some(sql) => {
                        let told = format!(
                            "is written to {column}, which is unique: one that does not exist yet"
                        );
                        (Source::Query(sql.to_owned()), told)
                    }
                })
            }
            Some(Role::Set(column)) => {
                self.fitting(own, column)?;
                Some((
                    Source::Occurring(column.clone()),
                    format!("is written to {column}"),
                ))
            }
            _ => None,
        })
    }
}

fn element(own: &Type) -> Option<&Type> {
    match own.kind() {
        Kind::Array(element) => Some(element),
        Kind::Domain(base) => element(base),
        _ => None,
    }
}

/// A value of a type that hardly any statement minds. Numbers differ from parameter to parameter: what stands between two
/// of them must not be empty.
fn of_type(own: &Type, n: usize) -> Source {
    let one = |value: &str| Source::Values(vec![Some(value.to_owned())]);
    match own.kind() {
        Kind::Array(_) => return one("{}"),
        Kind::Domain(base) => return of_type(base, n),
        Kind::Range(_) | Kind::Multirange(_) => {
            return one(if matches!(own.kind(), Kind::Range(_)) {
                "empty"
            } else {
                "{}"
            });
        }
        Kind::Enum(labels) => {
            return Source::Values(vec![labels.first().cloned()]);
        }
        _ => {}
    }
    of_name(own.name(), n).unwrap_or(Source::Values(vec![None]))
}

/// As the server calls it, or SQL.
fn of_name(name: &str, n: usize) -> Option<Source> {
    let one = |value: &str| Source::Values(vec![Some(value.to_owned())]);
    Some(match name {
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "oid" | "money"
        | "smallint" | "int" | "integer" | "bigint" | "decimal" | "real" | "double" => {
            one(&n.to_string())
        }
        "text" | "varchar" | "bpchar" | "name" | "char" | "citext" => one("a"),
        "bool" | "boolean" => Source::Values(vec![Some("true".into()), Some("false".into())]),
        "timestamp" | "timestamptz" => one("now"),
        "date" => one("today"),
        "time" | "timetz" => one("12:00"),
        "interval" => one("1 day"),
        "uuid" => one("00000000-0000-4000-8000-000000000000"),
        "json" | "jsonb" => one("{}"),
        "jsonpath" => one("$"),
        "bytea" => one("\\x00"),
        "inet" | "cidr" => one("127.0.0.1"),
        "tsquery" | "tsvector" => one("a"),
        "ltree" => one("a"),
        _ => return None,
    })
}
