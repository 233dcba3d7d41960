//! A disk that runs full while an index is built: a tablespace on a file system of a megabyte.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::scene::Scene;
use crate::support::{self, PrivateServer};

/// A small file system in memory, mounted while this lives.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Beside the server's data, and the server's own. `None` where this process may not mount.
    fn mount(server: &PrivateServer) -> Option<Self> {
        let owner = std::fs::metadata(&server.data_dir).expect("the data directory");
        let folder = server.data_dir.with_file_name("small-disk");
        std::fs::create_dir(&folder).expect("a folder");
        let options = format!("size=1m,mode=0700,uid={},gid={}", owner.uid(), owner.gid());
        mounts(&["-t", "tmpfs", "-o", &options, "tmpfs"], &folder).then_some(Self { folder })
    }

    fn grow(&self) {
        assert!(
            mounts(&["-o", "remount,size=64m"], &self.folder),
            "it does not grow"
        );
    }
}

fn mounts(arguments: &[&str], folder: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server may have files open still.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

#[tokio::test]
async fn a_disk_that_runs_full_is_reported_and_left_clean_and_space_is_all_it_takes() {
    let server = PrivateServer::start(support::server().major(), &[]);
    let Some(disk) = SmallDisk::mount(&server) else {
        eprintln!(
            "SKIPPED: this process may not mount a file system, so no disk was filled (run it as root, in a container \
             with CAP_SYS_ADMIN)"
        );
        return;
    };
    let mut scene = Scene::set(&server.url("postgres")).await;
    scene.deploy(&[]).await.assert_status(0);
    for sql in [
        format!("CREATE TABLESPACE small LOCATION '{}'", disk.folder.display()),
        "INSERT INTO things SELECT n, 0, repeat('full ', 20) || n FROM generate_series(20000, 50000) AS n".to_owned(),
    ] {
        scene.admin.batch_execute(&sql).await.expect("it is set up");
    }
    scene.migration(
        "V4__large.sql",
        "CREATE INDEX CONCURRENTLY large ON things (note) TABLESPACE small",
    );
    let ended = scene.deploy(&[]).await;
    ended.assert_status(1);
    assert!(
        ended.out.contains("No space left on device")
            && ended.out.contains("53100")
            && ended.out.contains("free some space"),
        "{}",
        ended.all()
    );
    assert_eq!(scene.invalid().await, [""; 0]);
    assert_eq!(scene.oid("large").await, None);
    disk.grow();
    scene.deploy(&[]).await.assert_status(0);
    let row = scene
        .admin
        .query_one(
            "SELECT i.indisvalid, s.spcname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.relname = 'large'",
            &[],
        )
        .await
        .expect("the index");
    assert_eq!((row.get(0), row.get(1)), (true, "small"));
    // The scene's own proof knows its own indexes.
    scene
        .admin
        .batch_execute("DROP INDEX large")
        .await
        .expect("it is dropped");
    scene.assert_converged().await;
}
