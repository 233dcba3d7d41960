//! The blocks that the planner looks into: a B-tree's metapage and the way down from it, and a GIN index's metapage.
//!
//! Layouts: PostgreSQL's `bufpage.h`, `nbtree.h`, `ginblock.h` and `itup.h`, the same from version 13 to 18.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, MetadataExt, chown},
    path::{Path, PathBuf},
};

use super::snapshot::GinCounts;

pub(super) const BLOCK: u32 = 8192;
/// Of a segment file: 1 GiB.
const SEGMENT_BLOCKS: u32 = 131_072;

/// Makes a relation's main fork this long, sparsely; a longer one stays as it is.
pub(super) fn extend(file: &Path, blocks: u32) -> io::Result<()> {
    let owner = std::fs::metadata(file)?;
    for segment in 0..=blocks.saturating_sub(1) / SEGMENT_BLOCKS {
        let path = match segment {
            0 => file.to_owned(),
            number => segment_file(file, number),
        };
        let wanted = (blocks - segment * SEGMENT_BLOCKS).min(SEGMENT_BLOCKS);
        let wanted = u64::from(wanted) * u64::from(BLOCK);
        let made = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        if made.metadata()?.len() < wanted {
            made.set_len(wanted)?;
        }
        if segment > 0 {
            chown(&path, Some(owner.uid()), Some(owner.gid()))?;
        }
    }
    Ok(())
}

/// Makes a table as long, and lets whatever reads all of it fail, instead of finding a few rows or none: what follows the rows at
/// the ends of its indexes, which the planner looks at, is no page (`PageIsVerified` in bufpage.c).
pub(super) fn extend_table(table: &Path, blocks: u32) -> io::Result<()> {
    let used = std::fs::metadata(table)?.len();
    extend(table, blocks)?;
    let table = OpenOptions::new().write(true).open(table)?;
    if used < table.metadata()?.len() {
        table.write_all_at(NO_PAGE, used)?;
    }
    Ok(())
}

const NO_PAGE: &[u8] = b"This server is a twin: it has the size of this table, not its rows.";

fn segment_file(file: &Path, number: u32) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// How many levels the root of a B-tree of this size stands above the leaves, where a page holds some 250 keys.
pub(super) fn usual_height(blocks: u32) -> u32 {
    f64::from(blocks.max(2) - 1).log(250.0).ceil() as u32
}

const META: u64 = 24;
const MAGIC: u32 = 0x0005_3162;
const LEAF: u32 = 1;
const SPECIAL: usize = 8176;
/// `BTP_LEAF` and `BTP_ROOT` of `btpo_flags`.
const LEAF_FLAG: u16 = 1;
const ROOT_FLAG: u16 = 2;

/// Lifts the root of a B-tree of one leaf, or of none, to this height: each level above is a page with one downlink.
pub(super) fn raise(file: &Path, height: u32) -> io::Result<()> {
    let index = OpenOptions::new().read(true).write(true).open(file)?;
    let blocks = index.metadata()?.len() / u64::from(BLOCK);
    if height == 0 || blocks < u64::from(height) + 2 {
        return Ok(());
    }
    // magic, version, root, level, fastroot, fastlevel
    let first = word(&index, META + 8)?;
    if word(&index, META)? != MAGIC || first > LEAF {
        return Ok(());
    }
    if first == 0 {
        index.write_all_at(
            &page(0, None, LEAF_FLAG),
            u64::from(LEAF) * u64::from(BLOCK),
        )?;
    }
    let root = LEAF + height;
    let flags = u64::from(LEAF) * u64::from(BLOCK) + SPECIAL as u64 + 12;
    let mut leaf = [0; 2];
    index.read_exact_at(&mut leaf, flags)?;
    let leaf = u16::from_le_bytes(leaf) & !ROOT_FLAG;
    index.write_all_at(&leaf.to_le_bytes(), flags)?;
    for level in 1..=height {
        let block = LEAF + level;
        let flags = if block == root { ROOT_FLAG } else { 0 };
        let page = page(level, Some(block - 1), flags);
        index.write_all_at(&page, u64::from(block) * u64::from(BLOCK))?;
    }
    for (offset, value) in [(8, root), (12, height), (16, root), (20, height)] {
        index.write_all_at(&value.to_le_bytes(), META + offset)?;
    }
    Ok(())
}

/// Lets the planner find these counts in a GIN index's metapage. Its pending list stays empty.
pub(super) fn count(file: &Path, counts: Option<GinCounts>) -> io::Result<()> {
    let Some(counts) = counts else { return Ok(()) };
    let index = OpenOptions::new().write(true).open(file)?;
    let put = |offset: u64, number: u32| index.write_all_at(&number.to_le_bytes(), META + offset);
    // Behind head, tail and tailFreeSize; nPendingHeapTuples is left out.
    put(12, counts.pending)?;
    put(24, counts.pages)?;
    put(28, counts.entry_pages)?;
    put(32, counts.data_pages)?;
    put(40, counts.entries)
}

fn word(file: &File, offset: u64) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(u32::from_le_bytes(bytes))
}

/// An empty page, or one with a single downlink, to the left of every key.
fn page(level: u32, below: Option<u32>, flags: u16) -> Vec<u8> {
    const TUPLE: u16 = 8;
    let mut page = vec![0; BLOCK as usize];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = page.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let (lower, upper) = match below {
        Some(_) => (28_u16, SPECIAL as u16 - TUPLE),
        None => (24, SPECIAL as u16),
    };
    // pd_lower, pd_upper, pd_special, pd_pagesize_version
    put(12, &lower.to_le_bytes());
    put(14, &upper.to_le_bytes());
    put(16, &(SPECIAL as u16).to_le_bytes());
    put(18, &(BLOCK as u16 | 4).to_le_bytes());
    if let Some(below) = below {
        // lp_off, LP_NORMAL, lp_len
        let pointer = u32::from(upper) | 1 << 15 | u32::from(TUPLE) << 17;
        put(24, &pointer.to_le_bytes());
        // t_tid: the block below and no attributes; t_info: INDEX_ALT_TID_MASK and the size
        let tuple = usize::from(upper);
        put(tuple, &((below >> 16) as u16).to_le_bytes());
        put(tuple + 2, &(below as u16).to_le_bytes());
        put(tuple + 6, &(0x2000 | TUPLE).to_le_bytes());
    }
    // btpo_level, btpo_flags
    put(SPECIAL + 8, &level.to_le_bytes());
    put(SPECIAL + 12, &flags.to_le_bytes());
    page
}
