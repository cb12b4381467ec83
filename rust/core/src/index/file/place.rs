//! A file's place: what is there is replaced at once by a whole new file, or stays as it was.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, IntoInnerError};
use std::path::{Path, PathBuf};

use super::super::IndexError;

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// Opens a regular file. Others are refused unopened: a pipe would wait for a writer.
pub(super) fn open(path: &Path) -> Result<File, IndexError> {
    let refused = |error| IndexError::io(path, error);
    if !fs::metadata(path).map_err(refused)?.is_file() {
        return Err(IndexError::NotAFile(path.to_owned()));
    }
    File::open(path).map_err(refused)
}

/// Puts what `write` writes in the place of the file at `path`, or at the end of the links that begin there.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), IndexError> {
    let refused = |error| IndexError::io(path, error);
    let target = end(path)?;
    let (file, beside) = beside(&target).map_err(refused)?;
    fill(file, write)
        .and_then(|()| fs::rename(&beside, &target))
        .inspect_err(|_| {
            // The error that matters is the first one.
            let _ = fs::remove_file(&beside);
        })
        .and_then(|()| keep_name(&target))
        .map_err(refused)
}

/// Where the links end: at a regular file, or where nothing is yet.
fn end(path: &Path) -> Result<PathBuf, IndexError> {
    let refused = |error| IndexError::io(path, error);
    let mut end = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&end) {
            Ok(found) if found.is_symlink() => {
                let next = fs::read_link(&end).map_err(refused)?;
                end.pop();
                end.push(next);
            }
            Ok(found) if found.is_file() => return Ok(end),
            Ok(_) => return Err(IndexError::NotAFile(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound && end.file_name().is_some() => {
                return Ok(end);
            }
            Err(error) => return Err(refused(error)),
        }
    }
    // The system counts as we do, and has the right number for it.
    let unending = fs::metadata(path).err();
    Err(refused(unending.unwrap_or(ErrorKind::InvalidInput.into())))
}

/// A new file beside another, of a name that no one else has: other threads and processes may be saving to the same place.
fn beside(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().ok_or(ErrorKind::NotFound)?;
    let mut number = 0_u64;
    loop {
        let mut unique = OsString::from(name);
        unique.push(format!(".{}.{number}.tmp", std::process::id()));
        let path = target.with_file_name(unique);
        match File::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn fill(file: File, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, file);
    write(&mut file)?;
    let file = file.into_inner().map_err(IntoInnerError::into_error)?;
    file.sync_all()
}

/// Makes the new name outlast a power cut, where folders can be opened and synced.
fn keep_name(target: &Path) -> io::Result<()> {
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let Ok(folder) = File::open(folder) else {
        return Ok(());
    };
    match folder.sync_all() {
        Err(error) if error.kind() != ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}
