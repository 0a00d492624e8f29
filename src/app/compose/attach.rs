//! Files that go with a draft: asked for by path, dropped on the window, taken off again.
//!
//! Called by the composer's keys, the prompt and `events`. No file is looked at here: the engine is
//! asked, and a path that was pasted must end up in the text where it names no file.

use super::keeping::changed;
use super::{Composer, review, writing};
use crate::app::{App, Edit, Effect, Overlay, Prompt, PromptKind, Token, prompt, size_text};
use crate::bus::{PathItem, Problem, RequestId, WritingCommand};
use crate::model::{Attached, DraftField, DraftKind, Safe};
use std::path::PathBuf;

/// How long typing must pause before paths are asked for.
const PAUSE_MS: u64 = 60;
/// Paths that are shown at once.
const PATHS_MAX: usize = 10;
/// Files that one paste can attach.
const FILES_MAX: usize = 20;

/// Asks for a path.
pub(in crate::app) fn attach_prompt(app: &mut App) -> Vec<Effect> {
    let line = Prompt::new(app, PromptKind::Attach);
    prompt::changed(app, line)
}

/// The path was typed on: what it could become is asked for when typing pauses.
pub(in crate::app) fn list_paths(app: &mut App, serial: Option<u64>) -> Vec<Effect> {
    let Some(serial) = serial else {
        let serial = app.next_serial();
        app.filter_serial = serial;
        let token = Token::Paths(serial);
        return vec![Effect::After {
            ms: PAUSE_MS,
            token,
        }];
    };
    let request = app.request();
    match &mut app.overlay {
        Some(Overlay::Prompt(line))
            if line.kind == PromptKind::Attach && serial == app.filter_serial =>
        {
            line.asked = Some(request);
            let typed = line.edit.text();
            vec![writing(WritingCommand::ListPaths { request, typed })]
        }
        _ => Vec::new(),
    }
}

/// Takes what a path could become.
pub(super) fn paths(app: &mut App, request: RequestId, items: Vec<PathItem>) {
    if let Some(Overlay::Prompt(line)) = &mut app.overlay
        && line.asked == Some(request)
    {
        line.asked = None;
        line.chosen = None;
        line.paths = items.into_iter().take(PATHS_MAX).collect();
        line.suggestions = line.paths.iter().map(shown).collect();
        return;
    }
    super::super::actions::templates_listed(app, request, &items);
}

fn shown(item: &PathItem) -> Safe {
    let text = if item.is_folder {
        format!("{}/", item.name)
    } else {
        format!("{}  {}", item.name, size_text(item.size_bytes))
    };
    Safe::line(&text)
}

/// The text that stands for a path in the line.
pub(in crate::app) fn path_text(item: &PathItem) -> String {
    let slash = if item.is_folder { "/" } else { "" };
    format!("{}{slash}", item.path.display())
}

/// A path was entered.
pub(in crate::app) fn take_path(app: &mut App, mut line: Prompt) -> Vec<Effect> {
    let text = line.edit.text();
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    // A name that is no text is still the file that was chosen.
    let found = line.paths.iter().find(|item| path_text(item) == text);
    if found.is_some_and(|item| item.is_folder) {
        line.edit = Edit::new(text);
        return prompt::changed(app, line);
    }
    let path = found.map_or_else(|| PathBuf::from(text), |item| item.path.clone());
    let request = app.request();
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    composer.attaching.insert(request, None);
    line.asked = Some(request);
    app.overlay = Some(Overlay::Prompt(line));
    vec![writing(WritingCommand::Attach { request, path })]
}

/// A file was looked at: it goes with the draft.
pub(super) fn attached(app: &mut App, request: RequestId, attached: Attached) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let Some(pasted) = composer.attaching.remove(&request) else {
        return Vec::new();
    };
    if let Some(Overlay::Prompt(line)) = &app.overlay
        && line.asked == Some(request)
    {
        app.overlay = None;
    }
    let is_pasted = pasted.is_some();
    let size = attached.size_bytes.map(size_text).unwrap_or_default();
    let undo = if is_pasted {
        "; Ctrl-Z puts its path into the text instead"
    } else {
        ""
    };
    let text = format!("Attached {}  {size}{undo}", attached.name);
    composer.pasted = pasted;
    composer.base.attachments.push(attached);
    composer.file = composer.base.attachments.len() - 1;
    let mut effects = app.say(Safe::line(&text));
    effects.extend(review::recheck(app));
    effects
}

/// A request failed. `None`: it was none for a file, or one that has to be told of.
pub(super) fn failed(app: &mut App, request: RequestId, problem: &Problem) -> Option<Vec<Effect>> {
    let composer = app.writing.composer.as_mut()?;
    let pasted = composer.attaching.remove(&request)?;
    if let Some(text) = pasted {
        return Some(put(app, &text));
    }
    match &mut app.overlay {
        Some(Overlay::Prompt(line)) if line.asked == Some(request) => {
            line.asked = None;
            line.error = Some(problem.summary.clone());
            Some(Vec::new())
        }
        _ => None,
    }
}

/// Takes the attachment at hand off.
pub(super) fn remove(app: &mut App) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let at = composer.file;
    if at >= composer.base.attachments.len() {
        return Vec::new();
    }
    let gone = composer.base.attachments.remove(at);
    composer.file = at.min(composer.base.attachments.len().saturating_sub(1));
    if composer.base.attachments.is_empty() {
        composer.focus_on(DraftField::Body);
    }
    let mut effects = app.say(Safe::line(&format!(
        "Took off {}; the file itself stays",
        gone.name
    )));
    effects.extend(changed(app));
    effects
}

/// A pasted path became an attachment, and was meant as text.
pub(super) fn unpaste(app: &mut App) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let Some(text) = composer.pasted.take() else {
        return Vec::new();
    };
    composer.base.attachments.pop();
    composer.file = 0;
    put(app, &text)
}

/// Takes pasted text: files that are dropped on the window arrive as their paths.
pub(in crate::app) fn paste(app: &mut App, text: &str) -> Vec<Effect> {
    let Some(composer) = app.composer().filter(|c| c.review.is_none()) else {
        return Vec::new();
    };
    let files = dropped(text);
    if files.is_empty() || composer.kind() == DraftKind::Bounce {
        return put(app, text);
    }
    let mut effects = Vec::new();
    for (path, written) in files {
        let request = app.request();
        if let Some(composer) = &mut app.writing.composer {
            composer.attaching.insert(request, Some(written));
        }
        effects.push(writing(WritingCommand::Attach { request, path }));
    }
    effects
}

/// Puts text in where the cursor is.
fn put(app: &mut App, text: &str) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let is_changed = insert(composer, text);
    if !is_changed {
        return Vec::new();
    }
    let mut effects = changed(app);
    effects.extend(super::complete::typed(app));
    effects
}

fn insert(composer: &mut Composer, text: &str) -> bool {
    let focus = composer.focus;
    match composer.fields.get_mut(&focus) {
        Some(field) => {
            // One address a line is a list of them.
            let is_list = super::complete::is_list(focus);
            let text = if is_list {
                text.trim().replace('\n', ", ")
            } else {
                text.to_owned()
            };
            field.edit.insert(&super::clean::line(&text));
            field.problem = None;
            true
        }
        None if focus == DraftField::Body => composer.body.insert(text),
        None => false,
    }
}

/// The files that a text names, if it names nothing else: with each the text it stands as.
fn dropped(text: &str) -> Vec<(PathBuf, String)> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    if lines.is_empty() || lines.len() > FILES_MAX {
        return Vec::new();
    }
    let found: Option<Vec<_>> = lines
        .iter()
        .map(|line| Some((path_of(line)?, (*line).to_owned())))
        .collect();
    found.unwrap_or_default()
}

/// The path that a line is, as terminals write one that is dropped: plain, quoted, escaped, a URL.
fn path_of(line: &str) -> Option<PathBuf> {
    if line.starts_with("file://") {
        return url::Url::parse(line).ok()?.to_file_path().ok();
    }
    let quoted = line.strip_prefix('\'').and_then(|l| l.strip_suffix('\''));
    let bare = match quoted {
        Some(inner) => inner.replace("'\\''", "'"),
        None => unescaped(line),
    };
    let is_path = bare.starts_with("~/") || (bare.starts_with('/') && bare.len() > 1);
    (is_path && !bare.starts_with("//")).then(|| PathBuf::from(bare))
}

fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let all = dropped(text).into_iter();
        all.map(|(path, _)| path.display().to_string()).collect()
    }

    #[test]
    fn a_path_is_known_in_each_form_in_which_terminals_drop_it() {
        assert_eq!(paths("/tmp/a.pdf "), ["/tmp/a.pdf"]);
        assert_eq!(paths("'/tmp/it'\\''s b.pdf'"), ["/tmp/it's b.pdf"]);
        assert_eq!(paths("/tmp/a\\ b.pdf"), ["/tmp/a b.pdf"]);
        assert_eq!(
            paths("file:///tmp/a%20b.pdf\r\n/c\n"),
            ["/tmp/a b.pdf", "/c"]
        );
        assert_eq!(paths("~/plan.txt"), ["~/plan.txt"]);
    }

    #[test]
    fn other_text_is_no_path() {
        for text in [
            "",
            "hello",
            "/",
            "// a comment",
            "https://x.org/a",
            "see\n/tmp/a",
        ] {
            assert!(paths(text).is_empty(), "{text}");
        }
    }
}
