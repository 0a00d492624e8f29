//! Files that are to be attached: what a typed path could become, and what a file is.
//!
//! Called by `writing`. A folder of any size must never hold up the screen, and a name that goes into
//! a message is made clean first.

use super::contents::open_file;
use crate::bus::PathItem;
use crate::mime;
use crate::model::{Attached, Content, Safe};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// More entries of a folder are not looked at.
const ENTRIES_MAX: usize = 20_000;
/// More proposals are not made.
const ITEMS_MAX: usize = 200;

/// What a typed path could become, folders first. Hidden files only where the dot was typed.
pub(super) fn list(typed: &str) -> Vec<PathItem> {
    let (folder, begun) = match typed.rfind(MAIN_SEPARATOR) {
        Some(at) => typed.split_at(at + 1),
        None if typed == "~" => return vec![home_item()],
        None => ("", typed),
    };
    let shown = Path::new(folder);
    let real = match folder {
        "" => PathBuf::from("."),
        _ => real(shown),
    };
    let Ok(entries) = std::fs::read_dir(real) else {
        return Vec::new();
    };
    // Whoever types capitals means them.
    let is_exact = begun.chars().any(char::is_uppercase);
    let is_begun = |name: &str| {
        let is_hidden = name.starts_with('.') && !begun.starts_with('.');
        let is_it = if is_exact {
            name.starts_with(begun)
        } else {
            name.to_lowercase().starts_with(begun)
        };
        is_it && !is_hidden
    };
    let mut items: Vec<PathItem> = entries
        .take(ENTRIES_MAX)
        .filter_map(Result::ok)
        .filter(|entry| is_begun(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| {
            // Behind a link is what counts.
            let found = std::fs::metadata(entry.path()).ok()?;
            (found.is_dir() || found.is_file()).then(|| PathItem {
                path: shown.join(entry.file_name()),
                name: Safe::line(&entry.file_name().to_string_lossy()),
                is_folder: found.is_dir(),
                size_bytes: if found.is_dir() { 0 } else { found.len() },
            })
        })
        .collect();
    items.sort_by_cached_key(|item| {
        let name = item.name.as_str().to_lowercase();
        (!item.is_folder, name, item.path.clone())
    });
    items.truncate(ITEMS_MAX);
    items
}

fn home_item() -> PathItem {
    PathItem {
        path: PathBuf::from(format!("~{MAIN_SEPARATOR}")),
        name: Safe::fixed("~"),
        is_folder: true,
        size_bytes: 0,
    }
}

/// A path with the home folder in place of `~`.
fn real(path: &Path) -> PathBuf {
    let home = || directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned());
    match path.strip_prefix("~") {
        Ok(rest) => home().map_or_else(|| path.to_owned(), |home| home.join(rest)),
        Err(_) => path.to_owned(),
    }
}

/// What goes into a draft for a file; else a sentence that says why not.
pub(super) fn attach(path: &Path) -> Result<Attached, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let full = std::path::absolute(real(path)).map_err(|e| cannot(&e))?;
    let file = open_file(&full).map_err(|e| cannot(&e))?;
    let size = file.metadata().map_err(|e| cannot(&e))?.len();
    let name = full.file_name().unwrap_or_default().to_string_lossy();
    let mime_type = mime::type_of_name(&name);
    Ok(Attached {
        name: mime::file_name(&name, mime_type, 0),
        mime_type: mime_type.to_owned(),
        charset: String::new(),
        size_bytes: Some(size),
        content: Content::Path(full),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(typed: &str) -> Vec<String> {
        let items = list(typed).into_iter();
        items.map(|item| item.name.as_str().to_owned()).collect()
    }

    #[test]
    fn a_typed_path_is_completed_folders_first_and_hidden_files_when_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["plan.pdf", "Photo.png", ".hidden", "paper"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join("pictures")).unwrap();
        let typed = |rest: &str| format!("{}/{rest}", dir.path().display());
        assert_eq!(
            names(&typed("")),
            ["pictures", "paper", "Photo.png", "plan.pdf"]
        );
        assert_eq!(names(&typed("P")), ["Photo.png"]);
        assert_eq!(names(&typed("pl")), ["plan.pdf"]);
        assert_eq!(names(&typed(".")), [".hidden"]);
        assert_eq!(list(&typed("pi"))[0].path, PathBuf::from(typed("pictures")));
        assert!(list(&typed("nothing/x")).is_empty());
    }

    #[test]
    fn a_file_is_attached_with_its_type_and_size_and_what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pl\u{202e}an.PDF");
        std::fs::write(&path, "12345").unwrap();
        let attached = attach(&path).unwrap();
        assert_eq!(attached.name, "plan.PDF");
        assert_eq!(attached.mime_type, "application/pdf");
        assert_eq!(attached.size_bytes, Some(5));
        assert_eq!(attached.content, Content::Path(path));
        assert!(attach(dir.path()).unwrap_err().ends_with("it is a folder"));
        assert!(attach(&dir.path().join("none")).is_err());
    }
}
