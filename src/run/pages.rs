//! Pages for the browser: each in a file of its own that only the user can read, for as long as this
//! program runs.
//!
//! Called by `run`. A page must never outlive the program by more than one start: what a crash left
//! behind is removed with the folders of editors.

use crate::engine::staging::private_folder;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The beginning of the name of the folder; the process follows.
pub(super) const PREFIX: &str = "page-";

/// The pages that were opened.
#[derive(Default)]
pub(super) struct Pages {
    folder: Option<TempDir>,
    count: u32,
}

impl Pages {
    /// Writes a page. The file that it is in.
    pub(super) fn write(&mut self, data_dir: &Path, page: &str) -> std::io::Result<PathBuf> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => private_folder(data_dir, PREFIX)?,
        };
        self.count += 1;
        let file = folder.path().join(format!("message-{}.html", self.count));
        self.folder = Some(folder);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(&file)?.write_all(page.as_bytes())?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_private_and_gone_with_the_program() {
        let data = tempfile::tempdir().unwrap();
        let mut pages = Pages::default();
        let first = pages.write(data.path(), "<p>one").unwrap();
        let second = pages.write(data.path(), "<p>two").unwrap();
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "<p>one");
        assert_eq!(std::fs::read_to_string(&second).unwrap(), "<p>two");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&first), 0o600);
            assert_eq!(mode(first.parent().unwrap()), 0o700);
        }
        drop(pages);
        assert!(!first.exists() && std::fs::read_dir(data.path()).unwrap().next().is_none());
    }
}
