//! Holds the code to the layer table in `README.md`, and to a few habits.
//!
//! The table is the one source: these tests parse it. They read text, not types; a path that is
//! built by a macro would escape them, which is one more reason not to build paths by macros.

use crate::support::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest file that is read in one sitting.
const LINES_MAX: usize = 600;

struct Layer {
    /// Layers it may import; `None`: all.
    may_import: Option<BTreeSet<String>>,
    /// Crates it must never name.
    must_not_see: BTreeSet<String>,
}

/// The layer table of the README.
fn layers() -> BTreeMap<String, Layer> {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let rows = readme
        .lines()
        .skip_while(|line| !line.starts_with("| layer |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let words = |cell: &str| -> BTreeSet<String> {
        let words = cell.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let mut layers = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [names, imports, crates] = cells.as_slice() else {
            panic!("three cells: {row}")
        };
        for name in words(names) {
            let may_import = (imports.trim() != "all").then(|| words(imports));
            // Only what stands in `backticks` is a crate; the rest of the cell is for people.
            let crates = crates
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect();
            layers.insert(
                name,
                Layer {
                    may_import,
                    must_not_see: crates,
                },
            );
        }
    }
    assert!(
        layers.len() > 8,
        "the layer table of README.md was not found"
    );
    layers
}

fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|e| extensions.iter().any(|x| e == *x))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(repository(""))
        .unwrap()
        .display()
        .to_string()
}

/// The code of a file without comments and without its test module.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let shipped = text
        .split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let lines = shipped
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The layer that a file of `src` belongs to.
fn layer_of(path: &Path) -> String {
    let inside = path.strip_prefix(repository("src")).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules named right after `crate::`, those in braces included.
fn imports(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            found.insert(word(after));
            continue;
        };
        let (mut depth, mut is_start) = (0, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_start = true,
                c if is_start && !c.is_whitespace() => {
                    found.insert(word(list.get(at..).unwrap_or_default()));
                    is_start = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn sources() -> Vec<PathBuf> {
    files(&repository("src"), &["rs"])
}

#[test]
fn layers_import_only_what_the_table_in_the_readme_allows() {
    let layers = layers();
    let mut wrong = Vec::new();
    for path in sources() {
        let name = layer_of(&path);
        let layer = layers
            .get(&name)
            .unwrap_or_else(|| panic!("no layer {name} in README.md"));
        let code = code(&path);
        if path.to_string_lossy().ends_with("_tests.rs") {
            continue;
        }
        for import in imports(&code) {
            let is_other = layers.contains_key(&import) && import != name;
            if is_other
                && layer
                    .may_import
                    .as_ref()
                    .is_some_and(|may| !may.contains(&import))
            {
                wrong.push(format!("{} imports {import}", shown(&path)));
            }
        }
        for krate in &layer.must_not_see {
            if code.contains(&format!("{krate}::")) {
                wrong.push(format!("{} names {krate}", shown(&path)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the layer table:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn layers_make_no_circle() {
    let layers = layers();
    let mut left: BTreeSet<&String> = layers
        .iter()
        .filter(|(_, l)| l.may_import.is_some())
        .map(|(n, _)| n)
        .collect();
    while !left.is_empty() {
        let free: Vec<&String> = left
            .iter()
            .filter(|n| {
                let may = layers[**n].may_import.as_ref().unwrap();
                !may.iter().any(|m| left.contains(m))
            })
            .copied()
            .collect();
        assert!(!free.is_empty(), "a circle among {left:?}");
        left.retain(|name| !free.contains(name));
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_read_in_one_sitting() {
    let mut wrong = Vec::new();
    for path in sources()
        .into_iter()
        .chain(files(&repository("tests"), &["rs"]))
    {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!("{} does not start with //!", shown(&path)));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!(
                "{} has {lines} lines, more than {LINES_MAX}",
                shown(&path)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words that tell of the place where this was written, or of work left undone. They are put
/// together here so that this file does not hold them.
fn unwanted() -> Vec<String> {
    [
        ["/wo", "rk/"],
        [".lib", "rary"],
        ["closing", " note"],
        ["FIX", "ME"],
        ["unimple", "mented!"],
    ]
    .iter()
    .map(|halves| halves.concat())
    .collect()
}

#[test]
fn no_file_speaks_of_where_it_was_written_or_of_work_left_undone() {
    let mut all = Vec::new();
    for folder in ["src", "tests", "docs", "assets", ".ci"] {
        let folder = repository(folder);
        if folder.is_dir() {
            all.extend(files(&folder, &["rs", "md", "toml", "sql", "txt", "html"]));
        }
    }
    all.extend(
        [
            "README.md",
            "CHANGELOG.md",
            "Cargo.toml",
            "config.example.toml",
        ]
        .map(repository),
    );
    let mut wrong = Vec::new();
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        for word in unwanted().iter().filter(|word| text.contains(*word)) {
            wrong.push(format!("{} says {word:?}", shown(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_each_form() {
    let code = "use crate::model::{A, B};\nuse crate::{\n    net::{imap, x},\n    store,\n};\nfn f() { crate::bus::g() }";
    let found: Vec<String> = imports(code).into_iter().collect();
    assert_eq!(found, ["bus", "model", "net", "store"]);
}
