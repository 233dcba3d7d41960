//! A server's tables and indexes as far as the plan goes, and what statements do to them.

use proptest::test_runner::TestCaseError;

use crate::{
    catalog::{
        QualifiedName,
        index_state::{
            Definition, IndexCatalog, IndexState, LockHolder, Namesake, Oid, Relation, TableLookup,
        },
    },
    migration::{CreateIndex, DropIndex, Migration, Name, ReindexTarget, Statement},
    plan::{
        Action, Definitions, DeployPolicy, Recorded, RecordedMigration, Snapshot, SqlStatement,
        Step, decide,
    },
};

/// How the wanted index reads on the server.
pub(super) const TAIL: &str = "USING btree (a)";

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    relations: Vec<Relation>,
    wanted: Option<String>,
    dropped: Vec<String>,
    taken: Vec<String>,
    version_num: Option<u32>,
    recorded: bool,
}

impl Model {
    /// A table `t`.
    pub(super) fn table() -> Self {
        let mut model = Self::default();
        model.add("t", "r", None);
        model
    }

    fn add(&mut self, name: &str, kind: &str, parent: Option<Oid>) {
        let oid = self.next();
        self.relations.push(Relation {
            oid,
            parent,
            root: self.relations.first().map_or(oid, |root| root.oid),
            kind: kind.into(),
            schema: "public".into(),
            name: name.into(),
            owned: true,
            owner: "owner".into(),
            may_become_owner: false,
            may_create: true,
            bytes: 8192,
            indexes: Vec::new(),
            holders: Vec::new(),
        });
    }

    fn next(&self) -> Oid {
        let indexes = self
            .relations
            .iter()
            .flat_map(|r| &r.indexes)
            .map(|i| i.oid);
        1 + self
            .relations
            .iter()
            .map(|r| r.oid)
            .chain(indexes)
            .max()
            .unwrap_or(0)
    }

    fn relation(&mut self, name: &str) -> &mut Relation {
        self.relations.iter_mut().find(|r| r.name == name).unwrap()
    }

    fn all(&self) -> impl Iterator<Item = &IndexState> {
        self.relations.iter().flat_map(|r| &r.indexes)
    }

    fn find(&mut self, name: &str) -> Option<&mut IndexState> {
        self.relations
            .iter_mut()
            .flat_map(|r| &mut r.indexes)
            .find(|i| i.name == name)
    }

    pub(super) fn oid(&self, index: &str) -> Option<Oid> {
        self.all().find(|i| i.name == index).map(|i| i.oid)
    }

    pub(super) fn wanting(mut self, name: &str) -> Self {
        self.wanted = Some(name.into());
        self
    }

    pub(super) fn on_version(mut self, version_num: u32) -> Self {
        self.version_num = Some(version_num);
        self
    }

    pub(super) fn kind(mut self, kind: &str) -> Self {
        self.relations[0].kind = kind.into();
        self
    }

    pub(super) fn not_owned(mut self) -> Self {
        self.relations[0].owned = false;
        self
    }

    pub(super) fn holder(mut self, holder: LockHolder) -> Self {
        self.relations[0].holders.push(holder);
        self
    }

    pub(super) fn and_drop(mut self, name: &str) -> Self {
        self.dropped.push(name.into());
        self
    }

    pub(super) fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    pub(super) fn constraint(mut self, index: &str) -> Self {
        self.find(index).unwrap().constraint = Some("c".into());
        self
    }

    pub(super) fn partition(self, name: &str, kind: &str) -> Self {
        self.below("t", name, kind)
    }

    pub(super) fn below(mut self, parent: &str, name: &str, kind: &str) -> Self {
        let parent = self.relation(parent).oid;
        self.add(name, kind, Some(parent));
        self
    }

    pub(super) fn index(mut self, name: &str, tail: &str, valid: bool) -> Self {
        self.put("t", name, tail, valid, false, None);
        self
    }

    /// An index as desired on any relation, attached to nothing.
    pub(super) fn on(mut self, table: &str, name: &str, valid: bool) -> Self {
        self.put(table, name, TAIL, valid, false, None);
        self
    }

    pub(super) fn validated(mut self, index: &str) -> Self {
        self.find(index).unwrap().valid = true;
        self
    }

    pub(super) fn holder_on(mut self, table: &str, holder: LockHolder) -> Self {
        self.relation(table).holders.push(holder);
        self
    }

    pub(super) fn partitioned_index(
        mut self,
        name: &str,
        table: &str,
        parent: Option<&str>,
    ) -> Self {
        let parent = parent.and_then(|parent| self.oid(parent));
        self.put(table, name, TAIL, false, true, parent);
        self
    }

    /// `state`: 0 none, 1 ours not attached, 2 of another name not attached, 3 attached, 4 another definition under
    /// our name, 5 attached under another name. Attached only where the parent's index is there.
    pub(super) fn leaf_index(mut self, table: &str, state: u8, valid: bool, parent: &str) -> Self {
        let (ours, parent) = (format!("{table}_i"), self.oid(parent));
        let other = format!("{table}_a_idx");
        match (state, parent) {
            (1, _) => self.put(table, &ours, TAIL, valid, false, None),
            (2, _) => self.put(table, &other, TAIL, valid, false, None),
            (3, Some(_)) => self.put(table, &ours, TAIL, valid, false, parent),
            (4, _) => self.put(table, &ours, "USING btree (b)", valid, false, None),
            (5, Some(_)) => self.put(table, &other, TAIL, valid, false, parent),
            _ => {}
        }
        self
    }

    fn put(
        &mut self,
        table: &str,
        name: &str,
        tail: &str,
        valid: bool,
        partitioned: bool,
        parent: Option<Oid>,
    ) {
        let oid = self.next();
        self.relation(table).indexes.push(IndexState {
            oid,
            schema: "public".into(),
            name: name.into(),
            partitioned,
            valid,
            ready: true,
            live: true,
            unique: false,
            replica_identity: false,
            attached_to: parent,
            constraint: None,
            referenced_by: None,
            comment: None,
            clustered: false,
            extensions: Vec::new(),
            statistics: Vec::new(),
            tablespace: None,
            bytes: 8192,
            definition: format!("CREATE INDEX {name} ON public.{table} {tail}"),
            tail: tail.into(),
        });
    }

    fn names(&self) -> std::collections::HashSet<(String, String)> {
        let tables = self.relations.iter().map(|r| &r.name);
        let indexes = self.all().map(|i| &i.name);
        let all = tables.chain(indexes).chain(&self.taken);
        all.map(|name| ("public".to_owned(), name.clone()))
            .collect()
    }

    /// Something else has that name.
    pub(super) fn taken(mut self, name: &str) -> Self {
        self.taken.push(name.into());
        self
    }

    fn wanted_name(&self) -> &str {
        self.wanted.as_deref().unwrap_or("i")
    }

    fn migrations(&self) -> Vec<Migration> {
        let file = |version: i64, statement: Statement| Migration {
            version,
            name: "m".into(),
            file: format!("V{version}__m.sql").into(),
            statements: vec![statement],
            left_out: 0,
            text: String::new(),
            checksum: Some(0).into(),
        };
        let create = CreateIndex {
            unique: false,
            name: self.wanted_name().into(),
            table: Name {
                schema: None,
                name: "t".into(),
            },
            definition: "(a)".into(),
            predicate_at: None,
        };
        let drop = |name: &String| {
            Statement::Drop(DropIndex {
                index: Name {
                    schema: None,
                    name: name.clone(),
                },
            })
        };
        let drops = (2..)
            .zip(&self.dropped)
            .map(|(version, name)| file(version, drop(name)));
        std::iter::once(file(1, Statement::Create(create)))
            .chain(drops)
            .collect()
    }

    fn seen(&self) -> Snapshot {
        let definition = Definition {
            unique: false,
            tail: TAIL.into(),
            tablespace: None,
            keys: vec!["a".into()],
            predicate: None,
        };
        let table = self.relations.first().map(|r| r.oid);
        let taken = |relation: &Relation| {
            let (table, table_name) = (relation.oid, relation.name.clone());
            let of = move |index: &IndexState| Namesake {
                oid: index.oid,
                kind: "i".into(),
                schema: index.schema.clone(),
                name: index.name.clone(),
                table: Some(table),
                table_name: Some(table_name.clone()),
            };
            relation.indexes.iter().map(of).collect::<Vec<_>>()
        };
        let definitions: Definitions = table
            .map(|_| ((0, 0), Ok(definition)))
            .into_iter()
            .collect();
        let rows = self
            .migrations()
            .into_iter()
            .filter(|_| self.recorded)
            .map(|migration| {
                let row = RecordedMigration {
                    checksum: 0,
                    statements: None,
                };
                (migration.version, row)
            });
        Snapshot {
            catalog: IndexCatalog {
                in_recovery: false,
                version_num: self.version_num.unwrap_or(150_000),
                user: "me".into(),
                database: "db".into(),
                may_create_temporary: true,
                history: None,
                history_schema: Some("public".into()),
                may_make_history: true,
                search_path: vec!["pg_catalog".into(), "public".into()],
                tables: vec![TableLookup {
                    asked: "t".into(),
                    oid: table,
                }],
                taken: self.relations.iter().flat_map(taken).collect(),
                relations: self.relations.clone(),
                names: self.names(),
            },
            recorded: Recorded(rows.collect()),
            definitions,
        }
    }

    pub(super) fn decide(&self, policy: &DeployPolicy) -> Step {
        decide(&self.migrations(), (0, 0), &self.seen(), policy).unwrap()
    }

    /// Sends the first statement and decides anew, as `apply` does, until there is nothing left to send.
    pub(super) fn converges(mut self, policy: &DeployPolicy) -> Result<(), TestCaseError> {
        let mut sent = Vec::new();
        for _ in 0..60 {
            let step = self.decide(policy);
            let Some(send) = step.sends.first() else {
                if step.action != Action::Refuse {
                    self.assert_as_desired(&sent)?;
                }
                return Ok(());
            };
            sent.push(send.sql().join("; "));
            self.carry_out(send)
                .map_err(|wrong| TestCaseError::fail(format!("{wrong}\n{sent:#?}")))?;
        }
        Err(TestCaseError::fail(format!(
            "never ends: {sent:#?}\n{self:#?}"
        )))
    }

    fn assert_as_desired(&self, sent: &[String]) -> Result<(), TestCaseError> {
        let usable = |index: &IndexState| index.valid && index.tail == TAIL;
        let stands = self.relations[0].indexes.iter().any(|index| {
            usable(index) && (index.name == self.wanted_name() || !index.name.contains("_dbaudit_"))
        });
        if stands {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!(
                "not as desired after {sent:#?}\n{self:#?}"
            )))
        }
    }

    fn carry_out(&mut self, send: &SqlStatement) -> Result<(), String> {
        match send {
            SqlStatement::Create { name, table, .. } => {
                self.is_free(name)?;
                self.put(&table.name.clone(), name, TAIL, true, false, None);
            }
            SqlStatement::CreateOnly { name, table, .. } => {
                self.is_free(name)?;
                let table = table.name.clone();
                let parent = self.relation(&table).oid;
                let valid = !self.relations.iter().any(|r| r.parent == Some(parent));
                self.put(&table, name, TAIL, valid, true, None);
            }
            SqlStatement::Drop { index } => {
                let found = self.find(&index.name).ok_or("nothing to drop")?;
                if found.constraint.is_some() || found.attached_to.is_some() || found.partitioned {
                    return Err(format!("{index} cannot be dropped"));
                }
                for relation in &mut self.relations {
                    relation.indexes.retain(|i| i.name != index.name);
                }
            }
            SqlStatement::Reindex {
                target: ReindexTarget::Index,
                name,
                ..
            } => {
                self.find(&name.name).ok_or("nothing to rebuild")?.valid = true;
            }
            SqlStatement::Reindex {
                target: ReindexTarget::Table,
                ..
            }
            | SqlStatement::Comment { .. } => {}
            SqlStatement::Attach { parent, child, .. } => self.attach(parent, child)?,
            SqlStatement::Swap {
                index,
                retired,
                built,
                ..
            } => {
                self.is_free(retired)?;
                self.find(&index.name).ok_or("nothing to retire")?.name = retired.clone();
                self.find(built).ok_or("nothing was built")?.name = index.name.clone();
            }
        }
        Ok(())
    }

    /// As the server does: an attached index stays as it is, and a parent is valid once all its parts are.
    fn attach(&mut self, parent: &QualifiedName, child: &QualifiedName) -> Result<(), String> {
        let parent_oid = self.oid(&parent.name).ok_or("no such parent")?;
        let child_index = self.find(&child.name).ok_or("no such child")?;
        if child_index.tail != TAIL {
            return Err("definitions do not match".into());
        }
        if child_index
            .attached_to
            .is_some_and(|known| known != parent_oid)
        {
            return Err("attached elsewhere".into());
        }
        child_index.attached_to = Some(parent_oid);
        let mut index = Some(parent_oid);
        while let Some(oid) = index {
            let table = self
                .relations
                .iter()
                .find(|r| r.indexes.iter().any(|i| i.oid == oid))
                .unwrap()
                .oid;
            let complete = self
                .relations
                .iter()
                .filter(|r| r.parent == Some(table))
                .all(|r| {
                    r.indexes
                        .iter()
                        .any(|i| i.attached_to == Some(oid) && i.valid)
                });
            let found = self
                .relations
                .iter_mut()
                .flat_map(|r| &mut r.indexes)
                .find(|i| i.oid == oid)
                .unwrap();
            if !complete {
                break;
            }
            found.valid = true;
            index = found.attached_to;
        }
        Ok(())
    }

    fn is_free(&self, name: &str) -> Result<(), String> {
        if self.all().any(|i| i.name == name) {
            Err(format!("{name} is taken"))
        } else {
            Ok(())
        }
    }
}
