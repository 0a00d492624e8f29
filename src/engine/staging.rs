//! Private files: what another program is to look at lies here until this one ends.
//!
//! Used by `taking`, and by `run` for the user's editor. Nobody else may be able to read a file in
//! here, and what a process left that did not end by itself must be gone after the next start.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tempfile::{NamedTempFile, TempDir};

/// The beginning of the name of the folder; the process follows.
const PREFIX: &str = "open-";

/// The folder, made when it is first needed and removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Staging {
    data_dir: PathBuf,
    folder: Mutex<Option<TempDir>>,
}

impl Staging {
    /// Files will lie in a folder of that one. Removes what the dead left there.
    pub(crate) fn new(data_dir: &Path) -> Self {
        remove_leftovers(data_dir, PREFIX);
        Self {
            data_dir: data_dir.to_owned(),
            folder: Mutex::default(),
        }
    }

    /// An empty file with a name that nobody can guess and that ending. It goes when it is dropped.
    pub(crate) fn file(&self, ending: &str) -> io::Result<NamedTempFile> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if folder.is_none() {
            *folder = Some(private_folder(&self.data_dir, PREFIX)?);
        }
        let Some(folder) = folder.as_ref() else {
            return Err(io::Error::other("the private folder is gone"));
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix("").rand_bytes(12).suffix(ending);
        builder.tempfile_in(folder.path())
    }
}

/// Keeps a file until the program ends, no longer to be written.
pub(crate) fn keep(file: NamedTempFile) -> io::Result<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let only_read = std::fs::Permissions::from_mode(0o400);
        file.as_file().set_permissions(only_read)?;
    }
    let (_, path) = file.keep().map_err(|e| e.error)?;
    Ok(path)
}

/// A folder that only this user can enter, named after this process.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(data_dir: &Path, prefix: &str) -> io::Result<TempDir> {
    let prefix = format!("{prefix}{}-", std::process::id());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(data_dir)
}

/// Removes the folders of that kind whose process is gone.
pub fn remove_leftovers(data_dir: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(data_dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|n| n.strip_prefix(prefix)) else {
            continue;
        };
        let process = rest.split('-').next().and_then(|n| n.parse::<i32>().ok());
        if process.is_some_and(|id| !is_running(id))
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, "a private folder could not be removed");
        }
    }
}

#[cfg(unix)]
fn is_running(id: i32) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(id) else {
        return false;
    };
    // Another user's process is one, too.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(not(unix))]
fn is_running(_: i32) -> bool {
    true
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nobody_else_reads_what_is_staged_and_it_goes_with_the_program() {
        let data = tempfile::tempdir().unwrap();
        let staging = Staging::new(data.path());
        let file = keep(staging.file(".pdf").unwrap()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o400);
        assert_eq!(mode(file.parent().unwrap()), 0o700);
        assert_eq!(file.extension().unwrap(), "pdf");
        let other = keep(staging.file(".pdf").unwrap()).unwrap();
        assert_ne!(file, other);
        drop(staging);
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_leftovers_of_the_dead_go_and_those_of_the_living_stay() {
        let data = tempfile::tempdir().unwrap();
        let [alive, dead, other] = [
            format!("{PREFIX}{}-a", std::process::id()),
            format!("{PREFIX}{}-b", i32::MAX),
            format!("other-{}-c", i32::MAX),
        ]
        .map(|name| data.path().join(name));
        for folder in [&alive, &dead, &other] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("x.pdf"), "x").unwrap();
        }
        let _staging = Staging::new(data.path());
        assert!(alive.exists() && !dead.exists() && other.exists());
    }
}
