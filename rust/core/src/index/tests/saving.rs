//! Bytes in and out: the same ones for the same history, and none that do harm.

use super::super::write::SWITCH;
use super::super::{file, graph};
use super::*;

#[test]
fn the_same_seed_and_order_give_the_same_bytes() {
    let vectors = clustered(SWITCH + 1200, 16, 30, 0.5, 5);
    let one_by_one = Index::new(16, Options::default()).unwrap();
    vectors
        .iter()
        .enumerate()
        .for_each(|(id, vector)| put(&one_by_one, id as u64, vector, 0, 0));
    let bytes = one_by_one.to_bytes();
    assert_eq!(filled(&vectors, Options::default(), 1).to_bytes(), bytes);
    assert_ne!(
        filled(
            &vectors,
            Options {
                seed: 1,
                ..Options::default()
            },
            1
        )
        .to_bytes(),
        bytes
    );
    let two = filled(&vectors, Options::default(), 2).to_bytes();
    assert_eq!(filled(&vectors, Options::default(), 3).to_bytes(), two);
    // What was loaded goes on as what was saved would have.
    let loaded = Index::from_bytes(&bytes).unwrap();
    for index in [&one_by_one, &loaded] {
        index.remove(&(0..500).collect::<Vec<_>>());
        vectors[..300]
            .iter()
            .enumerate()
            .for_each(|(id, vector)| put(index, id as u64 + 9000, vector, 0, 0));
    }
    assert!(one_by_one.to_bytes() == loaded.to_bytes());
}

#[test]
fn damaged_bytes_are_refused() {
    let small = filled(&clustered(20, 16, 3, 0.5, 6), Options::default(), 1).to_bytes();
    let large = filled(
        &clustered(SWITCH + 50, 16, 30, 0.5, 6),
        Options {
            m: 4,
            ef_construction: 20,
            ..Options::default()
        },
        1,
    )
    .to_bytes();
    let mut rng = Rng(7);
    for variant in 0..1000 {
        let mut bytes = if variant % 2 == 0 {
            small.clone()
        } else {
            large.clone()
        };
        let at = rng.next() as usize % bytes.len();
        match variant / 2 % 5 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << (rng.next() % 8),
            2 => bytes[at..].fill(0),
            3 => bytes.extend_from_slice(&[0; 8]),
            _ => bytes[at % 128] = bytes[at % 128].wrapping_add(1),
        }
        let same = bytes == small || bytes == large;
        assert!(
            same || matches!(Index::from_bytes(&bytes), Err(IndexError::Corrupt(_))),
            "variant {variant}"
        );
    }
}

/// Behind a right checksum, whatever the bytes say: refused, or an index that can be used without a panic.
#[test]
fn wrong_contents_behind_a_right_checksum_do_no_harm() {
    let vectors = clustered(SWITCH + 50, 16, 30, 0.5, 8);
    let whole = filled(
        &vectors,
        Options {
            m: 4,
            ef_construction: 20,
            ..Options::default()
        },
        1,
    )
    .to_bytes();
    let mut rng = Rng(9);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        let body = bytes.len() - 8;
        for _ in 0..3 {
            let at = if rng.next().is_multiple_of(2) {
                rng.next() as usize % 128
            } else {
                rng.next() as usize % body
            };
            bytes[at] = rng.next() as u8;
        }
        file::seal(&mut bytes);
        if let Ok(index) = Index::from_bytes(&bytes) {
            let query = vec![1.0; index.dim()];
            index
                .search(
                    &query,
                    &Search {
                        k: 5,
                        ..Search::default()
                    },
                )
                .unwrap();
            index.remove(&[1, 2, 3]);
            put(&index, 77_777, &query, 0, 0);
        }
    }
}

#[test]
fn a_file_is_mapped_and_outlives_its_replacement() {
    let folder = std::env::temp_dir().join(format!("gateway-index-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("index");
    let vectors = clustered(graph::SEGMENT as usize + 700, 8, 200, 0.5, 11);
    let options = Options {
        m: 4,
        ef_construction: 16,
        ..Options::default()
    };
    let index = filled(&vectors, options, 2);
    index.save(&path).unwrap();
    let loaded = Index::load(&path).unwrap();
    assert!(loaded.to_bytes() == index.to_bytes());
    Index::new(8, options).unwrap().save(&path).unwrap();
    assert_eq!(loaded.remove(&(0..100).collect::<Vec<_>>()), 100);
    put(&loaded, 99_999, &vectors[0], 0, 0);
    assert_eq!(
        loaded.search(&vectors[0], &Search::default()).unwrap()[0].id,
        99_999
    );
    assert_index_sound(&loaded);
    assert!(Index::load(&path).unwrap().is_empty());
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(Index::load(&path), Err(IndexError::Corrupt(_))));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(Index::load(&path), Err(IndexError::Io { .. })));
}

#[test]
fn a_count_of_draws_at_its_end_goes_on() {
    let mut bytes = filled(
        &clustered(SWITCH + 1, 16, 30, 0.5, 12),
        Options::default(),
        2,
    )
    .to_bytes();
    bytes[88..96].fill(0xff);
    file::seal(&mut bytes);
    let index = Index::from_bytes(&bytes).unwrap();
    put(&index, 99_999, &[1.0; 16], 0, 0);
    assert_index_sound(&index);
}

/// A folder that goes when the test ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gateway-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn indexes_saved_to_one_place_at_once_are_each_there_whole() {
    let folder = Folder::new("at-once");
    let path = folder.0.join("index");
    let sizes = [30, 130, 230];
    std::thread::scope(|scope| {
        for size in sizes {
            let path = &path;
            scope.spawn(move || {
                let index = filled(&clustered(size, 64, 3, 0.5, 1), Options::default(), 1);
                for _ in 0..40 {
                    index.save(path).unwrap();
                    assert!(sizes.contains(&Index::load(path).unwrap().len()));
                }
            });
        }
    });
    assert_eq!(folder.names(), ["index"]);
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_its_end_is_replaced() {
    let folder = Folder::new("links");
    let (link, far) = (folder.0.join("link"), folder.0.join("far"));
    std::os::unix::fs::symlink("middle", &link).unwrap();
    std::os::unix::fs::symlink(&far, folder.0.join("middle")).unwrap();
    for count in [0, 2] {
        let index = Index::new(4, Options::default()).unwrap();
        put_all(&index, 0, &clustered(count, 4, 1, 0.5, 1), 1);
        index.save(&link).unwrap();
        assert_eq!(Index::load(&far).unwrap().len(), count);
    }
    assert_eq!(folder.names(), ["far", "link", "middle"]);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    std::os::unix::fs::symlink("round", folder.0.join("round")).unwrap();
    let index = Index::new(4, Options::default()).unwrap();
    assert!(index.save(&folder.0.join("round")).is_err());
}

#[cfg(unix)]
#[test]
fn what_is_not_a_file_is_refused_and_left() {
    let folder = Folder::new("not-files");
    let index = Index::new(4, Options::default()).unwrap();
    let socket = folder.0.join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [&folder.0, &socket] {
        assert!(matches!(index.save(path), Err(IndexError::NotAFile(_))));
        assert!(matches!(Index::load(path), Err(IndexError::NotAFile(_))));
    }
    assert_eq!(folder.names(), ["socket"]);
}
