//! Files land in a folder of the user's: whole, under a free name, readable by their owner only.
//!
//! Used by `taking` and by the command line. A file that was there before must never be touched, and
//! what was broken off must leave nothing behind.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The beginning of the name of a file that is not whole yet.
const PARTIAL: &str = ".pillarbox-";
/// So many files of one name.
const SAME_NAME_MAX: u32 = 1_000;

/// Begins a file in that folder, which is made where it is missing. It goes when it is dropped.
pub(crate) fn begin(folder: &Path) -> Result<NamedTempFile, String> {
    let said = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(folder).map_err(said)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL);
    builder.tempfile_in(folder).map_err(said)
}

/// Gives a whole file its name: `name (2)` and so on where that is taken.
pub(crate) fn settle(
    mut file: NamedTempFile,
    folder: &Path,
    name: &str,
) -> Result<PathBuf, String> {
    let said = |at: &Path, e: &std::io::Error| format!("{}: {e}", at.display());
    file.as_file().sync_all().map_err(|e| said(folder, &e))?;
    let path = Path::new(name);
    let stem = path.file_stem().and_then(|s| s.to_str());
    let stem = stem.unwrap_or("attachment");
    let ending = path.extension().and_then(|s| s.to_str());
    let ending = ending.map(|e| format!(".{e}")).unwrap_or_default();
    for n in 1..SAME_NAME_MAX {
        let target = folder.join(match n {
            1 => name.to_owned(),
            n => format!("{stem} ({n}){ending}"),
        });
        match file.persist_noclobber(&target) {
            Ok(_) => return Ok(target),
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => file = e.file,
            Err(e) => return Err(said(&target, &e.error)),
        }
    }
    Err(format!("{}: too many files of that name", folder.display()))
}

/// Writes a file that was not there before, readable by its owner only; `name (2)` and so on where
/// taken.
///
/// # Errors
/// When it cannot be written, in words for the user.
pub fn write_new(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let mut file = begin(folder)?;
    file.write_all(bytes)
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    settle(file, folder, name)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn no_file_is_touched_and_each_gets_a_free_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.txt"), "old").unwrap();
        std::os::unix::fs::symlink("/nowhere/else", at("a (2).txt")).unwrap();
        let path = write_new(folder.path(), "a.txt", b"new").unwrap();
        assert_eq!(path, at("a (3).txt"));
        assert_eq!(std::fs::read(at("a.txt")).unwrap(), b"old");
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_broken_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = begin(&folder.path().join("new")).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        let inside = std::fs::read_dir(folder.path().join("new")).unwrap();
        assert_eq!(inside.count(), 0);
    }
}
