//! Finds the configuration, reads it, and explains mistakes in it: file, line, key, what to do.
//!
//! Called by `cli`. Must never put the value of a password into an error.

use super::{Config, Error, check};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A configuration that large is a mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A configuration that was read and found right, and where its keys stand.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says; relative paths are resolved.
    pub config: Config,
    /// Where it was read from.
    pub file: PathBuf,
    places: Places,
}

impl Loaded {
    /// The error that a key's value deserves for a reason that only another layer knows (an
    /// unknown action, a key that cannot be typed). `what` goes on after the key's name.
    #[must_use]
    pub fn error_at(&self, path: &[&str], what: &str, hint: &str) -> Error {
        self.places.error(path, what, hint)
    }
}

/// The file that is read where none is named.
///
/// # Errors
/// When the system does not say where the user's files are.
pub fn config_file() -> Result<PathBuf, Error> {
    Ok(project_dirs()?.config_dir().join("config.toml"))
}

/// The folder for mail and logs where none is named.
///
/// # Errors
/// When the system does not say where the user's files are.
pub fn data_dir() -> Result<PathBuf, Error> {
    Ok(project_dirs()?.data_dir().to_owned())
}

fn project_dirs() -> Result<directories::ProjectDirs, Error> {
    directories::ProjectDirs::from("", "", "pillarbox").ok_or_else(|| Error {
        file: "pillarbox".to_owned(),
        line: None,
        key: String::new(),
        what: "the home folder is not known".to_owned(),
        hint: "set HOME, or name the files with --config and --data-dir".to_owned(),
    })
}

/// Reads and checks the file.
///
/// # Errors
/// When it cannot be read, is not TOML, or says what cannot be.
pub fn load(file: &Path) -> Result<Loaded, Error> {
    let unreadable = |what: String, hint: &str| Error {
        file: file.display().to_string(),
        line: None,
        key: String::new(),
        what,
        hint: hint.to_owned(),
    };
    let read = std::fs::metadata(file).and_then(|meta| {
        if meta.len() > FILE_BYTES_MAX {
            return Err(std::io::Error::other("it is larger than 1 MiB"));
        }
        std::fs::read(file)
    });
    let bytes = read.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unreadable(
            "there is no configuration".to_owned(),
            "`pillarbox setup` writes one (config.example.toml shows every key); name another file with --config, or try `pillarbox demo`",
        ),
        _ => unreadable(format!("cannot be read: {error}"), "check the path and its permissions"),
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable("is not UTF-8 text".to_owned(), "save it as UTF-8"))?;
    let mut loaded = parse(&text, file)?;
    resolve_paths(&mut loaded.config, file.parent().unwrap_or(Path::new("")));
    Ok(loaded)
}

/// Reads and checks a text as if it stood in that file; paths stay as they are.
///
/// # Errors
/// When it is not TOML, or says what cannot be.
pub fn parse(text: &str, file: &Path) -> Result<Loaded, Error> {
    let mut places = Places {
        file: file.display().to_string(),
        text: text.to_owned(),
        keys: BTreeMap::new(),
    };
    let syntax = |error: &toml::de::Error| {
        let line = error.span().map(|span| line_of(text, span.start));
        Error {
            file: file.display().to_string(),
            line,
            key: String::new(),
            what: format!("is not valid TOML: {}", error.message()),
            hint: "texts need quotes, tables need [brackets]".to_owned(),
        }
    };
    let table = toml::de::DeTable::parse(text).map_err(|e| syntax(&e))?;
    places.learn(&mut Vec::new(), table.get_ref());
    let config: Config = toml::from_str(text).map_err(|e| places.explain(&e))?;
    match check::check(&config, &places) {
        Some(error) => Err(error),
        None => Ok(Loaded {
            config,
            file: file.to_owned(),
            places,
        }),
    }
}

fn resolve_paths(config: &mut Config, folder: &Path) {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let resolve = |path: &mut PathBuf| {
        *path = match (path.strip_prefix("~"), &home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => folder.join(&*path),
        };
    };
    for (_, account) in &mut config.accounts {
        let servers = [&mut account.imap, &mut account.pop3, &mut account.smtp];
        for server in servers.into_iter().flatten() {
            server.ca_file.iter_mut().for_each(resolve);
        }
    }
    config.ui.downloads.iter_mut().for_each(resolve);
    config.directory.vcards.iter_mut().for_each(resolve);
    if let Some(ldap) = &mut config.directory.ldap {
        ldap.ca_file.iter_mut().for_each(resolve);
    }
}

/// Where each key stands: the span of its name and the span of its value.
#[derive(Debug, Clone)]
pub(super) struct Places {
    file: String,
    text: String,
    keys: BTreeMap<Vec<String>, (Range<usize>, Range<usize>)>,
}

impl Places {
    /// Takes in a table and all below it. Depth is bounded by the parser of TOML.
    fn learn(&mut self, path: &mut Vec<String>, table: &toml::de::DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.keys.insert(path.clone(), (key.span(), value.span()));
            if let Some(below) = value.get_ref().as_table() {
                self.learn(path, below);
            }
            path.pop();
        }
    }

    /// Whether the key is in the file.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        self.span(path).is_some()
    }

    fn span(&self, path: &[&str]) -> Option<&Range<usize>> {
        let path: Vec<String> = path.iter().map(|&p| p.to_owned()).collect();
        self.keys.get(&path).map(|(name, _)| name)
    }

    /// An error at the key, or at the nearest table above it that is in the file.
    pub(super) fn error(&self, path: &[&str], what: &str, hint: &str) -> Error {
        let above = (1..=path.len())
            .rev()
            .find_map(|n| self.span(path.get(..n)?));
        Error {
            file: self.file.clone(),
            line: above.map(|span| line_of(&self.text, span.start)),
            key: joined(path.iter().copied()),
            what: what.to_owned(),
            hint: hint.to_owned(),
        }
    }

    /// Says in plain words what serde refused.
    fn explain(&self, error: &toml::de::Error) -> Error {
        let span = error.span().unwrap_or_default();
        let inside = |outer: &Range<usize>| outer.start <= span.start && span.end <= outer.end;
        let mut path = self
            .keys
            .iter()
            .filter(|(_, (name, value))| inside(name) || inside(value))
            .max_by_key(|(path, _)| path.len())
            .map(|(path, _)| path.iter().map(String::as_str).collect::<Vec<_>>())
            .unwrap_or_default();
        // A header such as [a.b] is the place of both `a` and `b`: blame the one that serde named.
        if let Some(unknown) = error.message().strip_prefix("unknown field `")
            && let Some(at) = path
                .iter()
                .rposition(|key| unknown.starts_with(&format!("{key}`")))
        {
            path.truncate(at + 1);
        }
        let is_secret = path
            .last()
            .is_some_and(|key| matches!(*key, "password" | "client_secret"));
        let (what, hint) = if is_secret {
            (
                "has the wrong kind of value".to_owned(),
                "write it as a text in quotes".to_owned(),
            )
        } else {
            plain_words(error.message())
        };
        Error {
            line: Some(line_of(&self.text, span.start)),
            ..self.error(&path, &what, &hint)
        }
    }
}

/// A key with its tables, quoted where TOML needs it.
fn joined<'a>(path: impl Iterator<Item = &'a str>) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let quote = |part: &str| match !part.is_empty() && part.chars().all(bare) {
        true => part.to_owned(),
        false => format!("{part:?}"),
    };
    path.map(quote).collect::<Vec<_>>().join(".")
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|b| **b == b'\n').count()
}

/// Serde's message as the rest of a sentence that begins with the key, and what to do.
fn plain_words(message: &str) -> (String, String) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (given, known) = quoted
        .split_first()
        .map_or(("", &[] as &[&str]), |(g, k)| (*g, k));
    if message.starts_with("unknown field") {
        return ("is not a known key".to_owned(), suggestion(given, known));
    }
    if message.starts_with("unknown variant") {
        return (format!("cannot be {given:?}"), suggestion(given, known));
    }
    if let Some((what, expected)) = message.split_once(", expected ") {
        let expected = match expected {
            "u16" => "a number from 1 to 65535",
            "a boolean" => "true or false",
            "a string" => "a text in quotes",
            "a sequence" => "a list in [brackets]",
            "a map" => "a table",
            other if other.starts_with("struct ") => "a table",
            other => other,
        };
        let what = what.replace('`', "");
        return (
            format!("has the wrong kind of value ({what})"),
            format!("write {expected}"),
        );
    }
    (format!("is not right: {message}"), String::new())
}

/// The nearest of the known words, and all of them where they are few or none is near.
fn suggestion(given: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(given, word), *word))
        .min()
        .filter(|(distance, word)| *distance <= 1 + word.len() / 3);
    let all = format!("known here: {}", known.join(", "));
    match near {
        Some((_, word)) if known.len() > 6 => format!("did you mean {word}?"),
        Some((_, word)) => format!("did you mean {word}? ({all})"),
        None => all,
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
