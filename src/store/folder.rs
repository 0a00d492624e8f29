//! Folders that only their owner can enter: the data folder and what lies in it.
//!
//! Used by `store` and `cli`. One that was made must be there after a power cut.

use std::fs::{DirBuilder, File};
use std::io;
use std::path::Path;

/// Makes a folder with those above it, for its owner alone. One that is there is left as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let parent = match folder.parent() {
        None => return Ok(()),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    match sync_folder(parent) {
        // One that may be entered and not read cannot be opened for this.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Has the names in a folder on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
