//! The index of a partitioned table, piece by piece: how the time grows with the partitions.

use crate::{
    arguments::Arguments,
    compare::{Contender, Ratio, header, interleave, median, rows},
    outcome::{Goal, Outcome},
    place::{Place, thousands},
    plot::Plot,
    process::wall,
};

const SIZES: [u64; 3] = [100, 400, 1_500];
const SQL: &str = "CREATE INDEX CONCURRENTLY i ON p (a, b);\n";

fn table(place: &Place, partitions: u64) -> String {
    place.kept(&format!("partitions_{partitions}"), Some("1"), |database| {
        let fill = format!(
            "DO $$ BEGIN FOR n IN 1..{partitions} LOOP
               EXECUTE format('CREATE TABLE p_%s PARTITION OF p FOR VALUES FROM (%s) TO (%s)', n, n * 10, n * 10 + 10);
             END LOOP; END $$"
        );
        place.sql(
            database,
            &["CREATE TABLE p (a int, b int) PARTITION BY RANGE (a)", &fill],
        );
    })
}

pub(crate) fn prepare(place: &Place, _: &Arguments) {
    for size in SIZES {
        table(place, size);
    }
}

pub(crate) fn measure(place: &Place, arguments: &Arguments) -> Outcome {
    let folder = place.folder("partitions");
    std::fs::write(folder.join("V1__i.sql"), SQL).expect("the migration can be written");
    let folder = folder.to_string_lossy().into_owned();
    let mut outcome = Outcome {
        title: "The index of a partitioned table".into(),
        header: header("dbaudit"),
        ..Outcome::default()
    };
    let mut plot = Plot {
        title: "A tree of empty partitions".into(),
        unit: "ms".into(),
        ..Plot::default()
    };
    let mut medians = Vec::new();
    for size in SIZES {
        let database = place.copy(&table(place, size), &format!("tree_{size}"));
        let script = script(place, size);
        let drop = || place.sql(&database, &["DROP INDEX IF EXISTS i"]);
        let named = |who: &str| format!("{who}, {} partitions", thousands(size));
        let args = ["apply-indexes", "--migrations", &folder];
        let mut all = interleave(
            1,
            arguments.rounds(3),
            vec![
                Contender::new(named("dbaudit"), || {
                    drop();
                    place.wait_until_alone();
                    wall(&mut place.dbaudit(&database, &args))
                }),
                Contender::new(named("psql, the same statements"), || {
                    drop();
                    let mut line = place.psql(&database, &["-f", &script])?;
                    place.wait_until_alone();
                    wall(&mut line)
                }),
            ],
        );
        wall(&mut place.dbaudit(&database, &args))
            .expect("the index is there for the next contender");
        all.extend(interleave(
            1,
            arguments.rounds(5),
            vec![Contender::new(named("dbaudit, nothing to do"), || {
                place.wait_until_alone();
                wall(&mut place.dbaudit(&database, &args))
            })],
        ));
        let ratio = Ratio::of(&all[0], &all[1]).map(|ratio| ratio.median);
        let goal = |name: &str| format!("{name}, {} partitions", thousands(size));
        outcome
            .goals
            .push(Goal::new(goal("dbaudit ÷ psql"), ratio, 1.5, ""));
        medians.push(median(&all[0].samples));
        if Some(&size) == SIZES.last() {
            let nothing = Some(median(&all[2].samples));
            outcome
                .goals
                .push(Goal::new(goal("nothing to do"), nothing, 500.0, "ms"));
        }
        outcome.rows.extend(rows(&all));
        plot.series
            .extend(all.into_iter().take(2).map(|one| (one.name, one.samples)));
    }
    // psql's own time for one partition grows too: attaching looks at all that are there.
    outcome.method = format!(
        "Empty partitions by range. psql is sent what dbaudit sends: the parent's index ON ONLY, one concurrent build and one \
         ATTACH for each partition. From {} to {} partitions dbaudit takes {:.1} times as long.",
        thousands(SIZES[0]),
        thousands(SIZES[2]),
        medians[2] / medians[0]
    );
    outcome.plots.push(plot);
    outcome
}

fn script(place: &Place, partitions: u64) -> String {
    let mut text = "CREATE INDEX i ON ONLY p (a, b);\n".to_owned();
    for n in 1..=partitions {
        text.push_str(&format!(
            "CREATE INDEX CONCURRENTLY p_{n}_i ON p_{n} (a, b);\nALTER INDEX i ATTACH PARTITION p_{n}_i;\n"
        ));
    }
    let file = place.folder("psql").join(format!("tree_{partitions}.sql"));
    std::fs::write(&file, text).expect("the script can be written");
    file.to_string_lossy().into_owned()
}
