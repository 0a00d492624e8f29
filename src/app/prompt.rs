//! A line that is asked for at the bottom of the screen: a search, a rule, tags, an action, a folder.
//!
//! Opened by actions, fed by `overlay`. What was typed must never be lost by an error in it: the
//! prompt stays open and says what is wrong.

use super::actions::actions;
use super::dispatch;
use super::{App, Code, Context, Edit, Effect, Key, Overlay, Token, compose, find};
use crate::bus::{AccountView, PathItem, RequestId};
use crate::model::{
    AccountKey, FlagChange, Keyword, Mailbox, MailboxKey, OpKind, Query, Safe, SendWhen,
    TIME_EXAMPLES, check_new_name, check_rename, read_time,
};

/// How long typing must pause before the list is filtered.
const PAUSE_MS: u64 = 150;
/// How many suggestions are shown.
const SUGGESTIONS_MAX: usize = 8;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PromptKind {
    /// A query that filters the list while it is typed.
    Search,
    /// A query; what matches is selected.
    Rule,
    /// Tags to add, and with `-` before them to remove.
    Tags,
    /// The name of an action.
    Command,
    /// The name of a new folder of that account.
    NewFolder(AccountKey),
    /// Another name for that folder.
    RenameFolder(MailboxKey),
    /// A text to find in the draft.
    Find,
    /// A text to find in the message that is read.
    FindHere,
    /// The program that is to read a message or a file.
    Pipe,
    /// When the draft is to be sent.
    Later,
    /// The path of a file that goes with the draft.
    Attach,
}

impl PromptKind {
    /// What stands before the line, where there is no more to say.
    const fn label(self) -> &'static str {
        match self {
            Self::Search => "Search: ",
            Self::Rule => "Select: ",
            Self::Tags => "Tags: ",
            Self::Command => ":",
            Self::NewFolder(_) => "New folder: ",
            Self::RenameFolder(_) => "Rename to: ",
            Self::Find => "Find: ",
            Self::FindHere => "Find in this message: ",
            Self::Pipe => "Pipe to: ",
            Self::Later => "Send at: ",
            Self::Attach => "Attach: ",
        }
    }

    /// What stands in the empty line.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Search | Self::Rule => "words  from:ann  subject:plan  is:unread  has:attachment",
            Self::Tags => "work  -later",
            Self::Command => "an action's name",
            Self::NewFolder(_) | Self::RenameFolder(_) => "a name; Tab shows what lies above",
            Self::Find | Self::FindHere => "a word of the text",
            Self::Pipe => "a program; !less gets the terminal; sh -c '…' for a shell",
            Self::Later => TIME_EXAMPLES,
            Self::Attach => "a path; Tab completes it",
        }
    }

    /// Whether a folder is named.
    const fn is_folder(self) -> bool {
        matches!(self, Self::NewFolder(_) | Self::RenameFolder(_))
    }
}

/// The line under edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked for.
    pub kind: PromptKind,
    /// What stands before the line.
    pub label: Safe,
    /// What was typed.
    pub edit: Edit,
    /// What is wrong with it.
    pub error: Option<Safe>,
    /// What came of it so far.
    pub told: Safe,
    /// What might be meant.
    pub suggestions: Vec<Safe>,
    /// The suggestion that was taken last.
    pub chosen: Option<usize>,
    /// What was asked of the engine about it.
    pub(super) asked: Option<RequestId>,
    /// What a path could become.
    pub(super) paths: Vec<PathItem>,
    /// The filter to go back to.
    before: (Option<Query>, Safe),
}

impl Prompt {
    /// An empty line of that kind.
    #[must_use]
    pub fn new(app: &App, kind: PromptKind) -> Self {
        let account = match kind {
            PromptKind::NewFolder(key) if app.accounts.len() > 1 => app.account(key),
            _ => None,
        };
        let label = account.map_or_else(
            || Safe::fixed(kind.label()),
            |a| Safe::line(&format!("New folder in {}: ", a.name)),
        );
        Self {
            kind,
            label,
            edit: Edit::default(),
            error: None,
            told: Safe::default(),
            suggestions: Vec::new(),
            chosen: None,
            asked: None,
            paths: Vec::new(),
            before: (app.user_filter.clone(), app.filter_text.clone()),
        }
    }

    /// Whether a folder was chosen that a file to be attached may lie in.
    #[must_use]
    pub fn is_at_folder(&self) -> bool {
        let item = self.chosen.and_then(|n| self.paths.get(n));
        item.is_some_and(|item| item.is_folder)
    }

    /// The same with a text to go on from.
    #[must_use]
    pub fn starting_with(self, text: &str) -> Self {
        Self {
            edit: Edit::new(text),
            ..self
        }
    }
}

/// Takes a key of the open prompt.
pub(super) fn key(app: &mut App, mut prompt: Prompt, key: Key) -> Vec<Effect> {
    if key.is(Code::Enter) {
        return enter(app, prompt);
    }
    let is_given_up = key.is(Code::Esc) || key.is_ctrl('c') || key.is_ctrl('g');
    if is_given_up || (key.is(Code::Backspace) && prompt.edit.is_empty()) {
        match prompt.kind {
            PromptKind::Search => {
                let (filter, text) = prompt.before;
                app.set_filter(filter, text);
            }
            PromptKind::FindHere => super::actions::give_up_search(app),
            _ => {}
        }
        return Vec::new();
    }
    let is_back = key.is(Code::Up) || key.is_ctrl('p');
    if prompt.kind.is_folder() && key.is_ctrl('w') {
        let delimiter = tree_of(app, prompt.kind).and_then(|tree| tree.1);
        prompt.edit.drop_level(delimiter);
        return changed(app, prompt);
    }
    let is_step = is_back || key.is(Code::Down) || key.is_ctrl('n');
    if is_step && prompt.kind == PromptKind::FindHere && !prompt.edit.is_empty() {
        return super::actions::step_in_prompt(app, prompt, !is_back);
    }
    if is_step && prompt.kind == PromptKind::Find {
        return find_next(app, prompt, !is_back, false);
    }
    if is_step && prompt.kind == PromptKind::Attach {
        complete(&mut prompt, !is_back);
        app.overlay = Some(Overlay::Prompt(prompt));
        return Vec::new();
    }
    if is_step && !prompt.kind.is_folder() {
        let history = app.histories.entry(prompt.kind).or_default();
        if let Some(line) = history.step(is_back) {
            prompt.edit = Edit::new(line);
        }
        return changed(app, prompt);
    }
    if key.code() == Code::Tab {
        complete(&mut prompt, key.is(Code::Tab));
        // A folder that is the only choice is gone into.
        let is_settled = prompt.kind == PromptKind::Attach && prompt.paths.len() == 1;
        if is_settled {
            return changed(app, prompt);
        }
        app.overlay = Some(Overlay::Prompt(prompt));
        return Vec::new();
    }
    if prompt.edit.key(key) {
        return changed(app, prompt);
    }
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

/// The text has changed: suggest, and filter when typing pauses.
pub(super) fn changed(app: &mut App, mut prompt: Prompt) -> Vec<Effect> {
    prompt.error = None;
    prompt.chosen = None;
    let kind = prompt.kind;
    if kind == PromptKind::FindHere {
        return super::actions::find_here(app, prompt);
    }
    if kind == PromptKind::Find {
        return find_next(app, prompt, true, true);
    }
    if kind == PromptKind::Attach {
        prompt.asked = None;
        app.overlay = Some(Overlay::Prompt(prompt));
        return compose::list_paths(app, None);
    }
    prompt.suggestions = suggestions(app, &prompt);
    app.overlay = Some(Overlay::Prompt(prompt));
    if kind != PromptKind::Search {
        return Vec::new();
    }
    let serial = app.next_serial();
    app.filter_serial = serial;
    vec![Effect::After {
        ms: PAUSE_MS,
        token: Token::Refilter(serial),
    }]
}

fn suggestions(app: &App, prompt: &Prompt) -> Vec<Safe> {
    let word = prompt.edit.word();
    let bare = word.trim_start_matches(['-', '+']);
    match prompt.kind {
        PromptKind::Command if !word.is_empty() => {
            let ids = || actions().iter().map(|a| a.id);
            let first = ids().filter(|id| id.starts_with(word));
            let rest = ids().filter(|id| !id.starts_with(word) && id.contains(word));
            first
                .chain(rest)
                .take(SUGGESTIONS_MAX)
                .map(Safe::fixed)
                .collect()
        }
        PromptKind::Tags => {
            let lower = bare.to_lowercase();
            let known = app
                .tags
                .iter()
                .filter(|t| t.to_lowercase().starts_with(&lower));
            let known = known.filter(|t| t.as_str() != bare);
            known.take(SUGGESTIONS_MAX).map(|t| Safe::line(t)).collect()
        }
        PromptKind::NewFolder(_) | PromptKind::RenameFolder(_) => above(app, prompt),
        PromptKind::Command
        | PromptKind::Search
        | PromptKind::Rule
        | PromptKind::Find
        | PromptKind::FindHere
        | PromptKind::Pipe
        | PromptKind::Later
        | PromptKind::Attach => Vec::new(),
    }
}

/// The folders of the account that a prompt is about, and what separates the levels of their names.
fn tree_of(app: &App, kind: PromptKind) -> Option<(&AccountView, Option<char>)> {
    let (account, folder) = match kind {
        PromptKind::NewFolder(key) => (app.account(key)?, None),
        PromptKind::RenameFolder(key) => {
            let folder = app.mailbox(key)?;
            (app.account(folder.account)?, Some(folder))
        }
        _ => return None,
    };
    let any = || account.mailboxes.iter().find_map(|m| m.delimiter);
    Some((account, folder.map_or_else(any, |f| f.delimiter)))
}

/// The folders that begin as what was typed: what the new one might lie in.
fn above(app: &App, prompt: &Prompt) -> Vec<Safe> {
    let typed = prompt.edit.text().to_lowercase();
    let Some((account, Some(delimiter))) = tree_of(app, prompt.kind) else {
        return Vec::new();
    };
    let names = account
        .mailboxes
        .iter()
        .map(|m| format!("{}{delimiter}", m.name));
    let fitting = names.filter(|name| {
        let name = name.to_lowercase();
        name.starts_with(&typed) && name != typed
    });
    fitting
        .take(SUGGESTIONS_MAX)
        .map(|name| Safe::line(&name))
        .collect()
}

/// Goes to the next place of what is looked for, or stays where it stands.
fn find_next(app: &mut App, mut prompt: Prompt, is_forward: bool, stays: bool) -> Vec<Effect> {
    let text = prompt.edit.text();
    let is_found = compose::find(app, &text, is_forward, stays);
    prompt.error = (!is_found).then(|| Safe::fixed("is not in the text"));
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

/// Puts the next suggestion in the place of the word.
fn complete(prompt: &mut Prompt, is_forward: bool) {
    let count = prompt.suggestions.len();
    if count == 0 {
        return;
    }
    let next = match (prompt.chosen, is_forward) {
        (None, true) => 0,
        (None, false) => count - 1,
        (Some(n), true) => (n + 1) % count,
        (Some(n), false) => (n + count - 1) % count,
    };
    prompt.chosen = Some(next);
    if prompt.kind == PromptKind::Attach {
        if let Some(item) = prompt.paths.get(next) {
            prompt.edit = Edit::new(&compose::path_text(item));
        }
        return;
    }
    if prompt.kind.is_folder() {
        if let Some(name) = prompt.suggestions.get(next) {
            prompt.edit = Edit::new(name.as_str());
        }
        return;
    }
    let minus = if prompt.edit.word().starts_with('-') {
        "-"
    } else {
        ""
    };
    if let Some(word) = prompt.suggestions.get(next) {
        prompt.edit.complete(&format!("{minus}{word}"));
    }
}

fn enter(app: &mut App, prompt: Prompt) -> Vec<Effect> {
    let text = prompt.edit.text();
    let text = text.trim();
    match prompt.kind {
        PromptKind::Attach => return compose::take_path(app, prompt),
        PromptKind::Find => {
            let _found = compose::find(app, text, true, true);
            return Vec::new();
        }
        _ => {}
    }
    if !prompt.kind.is_folder() {
        let history = app.histories.entry(prompt.kind).or_default();
        history.push(text);
    }
    let result = match prompt.kind {
        PromptKind::Search => search(app, text),
        PromptKind::Rule => app.select_rule(text),
        PromptKind::Tags => tags(app, text),
        PromptKind::Command => command(app, text),
        PromptKind::NewFolder(account) => new_folder(app, account, text),
        PromptKind::RenameFolder(folder) => rename_folder(app, folder, text),
        PromptKind::Later => later(app, text),
        PromptKind::Pipe => super::taking::pipe(app, text),
        PromptKind::FindHere => super::actions::settle_search(app, text),
        PromptKind::Find | PromptKind::Attach => Ok(Vec::new()),
    };
    result.unwrap_or_else(|error| {
        app.overlay = Some(Overlay::Prompt(Prompt {
            error: Some(error),
            ..prompt
        }));
        Vec::new()
    })
}

/// Filters the list by a query and goes there.
pub(super) fn search(app: &mut App, text: &str) -> Result<Vec<Effect>, Safe> {
    filter_by(app, text)?;
    app.focus = Context::List;
    app.list.move_to(0);
    Ok(Vec::new())
}

/// Filters the list by a query; none where nothing is typed.
pub(super) fn filter_by(app: &mut App, text: &str) -> Result<(), Safe> {
    let query = parse(app, text)?;
    app.set_filter(query, Safe::line(text.trim()));
    Ok(())
}

/// Reads a query; `None` where nothing is typed.
pub(super) fn parse(app: &App, text: &str) -> Result<Option<Query>, Safe> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let query = (app.settings.parse_query)(text, app.today());
    query.map(Some).map_err(|e| Safe::line(&e.to_string()))
}

fn tags(app: &mut App, text: &str) -> Result<Vec<Effect>, Safe> {
    let mut change = FlagChange::default();
    for word in text.split([' ', ',']).filter(|w| !w.is_empty()) {
        let (set, name) = match word.strip_prefix('-') {
            Some(name) => (&mut change.remove, name),
            None => (&mut change.add, word.trim_start_matches(['+', '#'])),
        };
        let keyword = Keyword::new(name).map_err(|e| Safe::line(&e.to_string()))?;
        set.insert_keyword(keyword);
    }
    if change.is_empty() {
        return Ok(Vec::new());
    }
    let new = change.add.keywords().map(|k| k.as_str().to_owned());
    app.tags.extend(new);
    Ok(app.change(OpKind::Flags(change), true, None))
}

fn later(app: &mut App, text: &str) -> Result<Vec<Effect>, Safe> {
    if text.is_empty() {
        return Err(Safe::fixed("write when: tomorrow 8:00, mon 9:00 or +2h"));
    }
    let offset = app.settings.utc_offset_mins;
    let at = read_time(text, app.now_secs, offset);
    let at = at.map_err(|e| Safe::line(&e.to_string()))?;
    Ok(compose::send_at(app, SendWhen::At(at)))
}

fn new_folder(app: &mut App, account: AccountKey, text: &str) -> Result<Vec<Effect>, Safe> {
    let Some((view, delimiter)) = tree_of(app, PromptKind::NewFolder(account)) else {
        return Err(Safe::fixed("the account is gone"));
    };
    let name = check_new_name(&view.mailboxes, text, delimiter);
    let name = name.map_err(|e| Safe::line(&e.to_string()))?;
    Ok(app.make_folder(account, name))
}

fn rename_folder(app: &mut App, key: MailboxKey, text: &str) -> Result<Vec<Effect>, Safe> {
    let gone = || Safe::fixed("the folder is gone");
    let (view, _) = tree_of(app, PromptKind::RenameFolder(key)).ok_or_else(gone)?;
    let folder: &Mailbox = app.mailbox(key).ok_or_else(gone)?;
    if folder.name == text {
        return Ok(app.say(Safe::fixed("The folder keeps its name")));
    }
    let name = check_rename(&view.mailboxes, folder, text);
    let name = name.map_err(|e| Safe::line(&e.to_string()))?;
    Ok(app.rename_folder(key, name))
}

/// Runs the action of that name, or goes to the row of that number.
fn command(app: &mut App, text: &str) -> Result<Vec<Effect>, Safe> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if let Ok(row) = text.parse::<u32>() {
        app.list.move_to(row.saturating_sub(1));
        return Ok(Vec::new());
    }
    let mut close = actions()
        .iter()
        .enumerate()
        .filter(|(_, a)| a.id.starts_with(text));
    let found = find(text).or_else(|| {
        let only = close.next();
        only.filter(|_| close.next().is_none())
    });
    match found {
        Some((index, action)) if action.is_in(app.focus) => Ok(dispatch::run(app, index, None)),
        Some((_, action)) => {
            let place = action.contexts().next().map_or("", Context::name);
            let why = format!("{} is for the {place}; Tab moves there", action.id);
            Err(Safe::line(&why))
        }
        None => Err(Safe::line(&format!(
            "there is no action {text:?}; Ctrl-K finds one by plain words"
        ))),
    }
}
