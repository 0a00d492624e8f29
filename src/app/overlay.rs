//! What lies over the panes: help, pickers, prompts, questions. One at a time.
//!
//! Called by `dispatch` and `update`. Esc must close what is open and nothing else.

use super::actions::{ask_to_open, copy_link, make_page};
use super::picker::{Choice, PartAct, Picked};
use super::{
    Activity, App, Area, Code, Effect, Help, Item, Key, Outbox, Output, Picker, PickerKind, Prompt,
    PromptKind, activity, compose, dispatch, files, outbox, prompt, wrap,
};
use crate::bus::CardDeed;
use crate::model::{DraftKey, DraftStart, OpKind, OutboxKey, PartId, Placed, Safe, columns};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys that work.
    Help(Help),
    /// A choice.
    Picker(Picker),
    /// A line of text.
    Prompt(Prompt),
    /// A question.
    Confirm(Confirm),
    /// What goes on.
    Activity(Activity),
    /// What waits to be sent.
    Outbox(Outbox),
    /// What a program said.
    Output(Output),
}

/// What a confirmed question does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// Opens this address.
    OpenUrl(String),
    /// Does what a card of this message offers.
    Card(Placed, CardDeed),
    /// Begins a draft.
    Write(DraftStart),
    /// Opens the page of this message in the browser.
    Page(Placed, PartId),
    /// Ends the program.
    Quit,
    /// Makes a change that cannot be undone.
    Apply(OpKind, Vec<Placed>),
    /// Throws a draft away.
    Discard(DraftKey),
    /// Sends a message once more that was perhaps sent.
    Retry(OutboxKey),
    /// Takes a message out of the outbox.
    Cancel(OutboxKey),
}

/// A question. `y` does it, and Enter where nothing is lost by it; Esc and `n` do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// The question.
    pub title: Safe,
    /// What one has to know to answer.
    pub lines: Vec<Safe>,
    /// What should make one think twice.
    pub warning: Option<Safe>,
    /// What saying yes does, in a word or two.
    pub yes: &'static str,
    /// Whether it cannot be undone: then only `y` does it, and every other key does not.
    pub is_grave: bool,
    /// The text that `c` copies instead.
    pub(crate) copies: Option<String>,
    pub(crate) then: Confirmed,
    /// The list that the question came from, which is open again after the answer.
    pub(super) behind: Option<Box<Outbox>>,
}

impl Confirm {
    /// A question about something harmless.
    pub(crate) fn new(title: &'static str, yes: &'static str, then: Confirmed) -> Self {
        Self {
            title: Safe::fixed(title),
            lines: Vec::new(),
            warning: None,
            yes,
            is_grave: false,
            copies: None,
            then,
            behind: None,
        }
    }

    /// A question about something that cannot be undone.
    pub(crate) fn grave(title: &str, yes: &'static str, then: Confirmed) -> Self {
        Self {
            title: Safe::line(title),
            is_grave: true,
            ..Self::new("", yes, then)
        }
    }

    /// What one has to know, in lines of so many columns; `true`: a line of the warning.
    #[must_use]
    pub fn text(&self, cols: usize) -> Vec<(Safe, bool)> {
        let in_lines = |text: &Safe| {
            // The target of a link is shown as it is, to the letter.
            if self.copies.is_some() {
                chunks(text, cols)
            } else {
                wrap(text, cols, TEXT_LINES_MAX)
            }
        };
        let lines = self.lines.iter().flat_map(in_lines).map(|l| (l, false));
        let warning = self.warning.iter();
        let warning = warning.flat_map(|text| wrap(text, cols, TEXT_LINES_MAX));
        lines.chain(warning.map(|l| (l, true))).collect()
    }

    /// The answers: the key and the word for each.
    #[must_use]
    pub fn answers(&self) -> Vec<(&'static str, &'static str)> {
        let yes = if self.is_grave { "y" } else { "Enter" };
        let copy = self.copies.as_ref().map(|_| ("c", "copy"));
        let answers = [Some((yes, self.yes)), copy, Some(("Esc", "no"))];
        answers.into_iter().flatten().collect()
    }
}

/// Takes a key of the open overlay.
pub(super) fn key(app: &mut App, key: Key) -> Vec<Effect> {
    let height = app.overlay_height();
    match app.overlay.take() {
        None => Vec::new(),
        Some(Overlay::Help(mut help)) => {
            if help.key(key, &app.keymap, height) {
                app.overlay = Some(Overlay::Help(help));
            }
            Vec::new()
        }
        Some(Overlay::Picker(mut picker)) => {
            if let Some(effects) = stopped(app, &picker, key) {
                app.overlay = Some(Overlay::Picker(picker));
                return effects;
            }
            let picked = picker.key(key, height);
            act(app, picker, picked)
        }
        Some(Overlay::Prompt(line)) => prompt::key(app, line, key),
        Some(Overlay::Confirm(question)) => confirm(app, question, key),
        Some(Overlay::Activity(list)) => activity::key(app, list, key),
        Some(Overlay::Outbox(list)) => outbox::key(app, list, key),
        Some(Overlay::Output(mut output)) => {
            if key.is(Code::Char('y')) {
                let text = output.text();
                app.overlay = Some(Overlay::Output(output));
                return app.copy_text("the output", text);
            }
            if output.key(key, height) {
                app.overlay = Some(Overlay::Output(output));
            }
            Vec::new()
        }
    }
}

/// Esc on a file that is being fetched stops that, and closes nothing.
fn stopped(app: &mut App, picker: &Picker, key: Key) -> Option<Vec<Effect>> {
    let item = picker.item(picker.cursor()).filter(|_| key.is(Code::Esc))?;
    match item.choice {
        Choice::OpenFile(placed, at) if files::is_running(app, placed, at) => {
            Some(files::act(app, placed, at, PartAct::Stop))
        }
        _ => None,
    }
}

fn confirm(app: &mut App, mut question: Confirm, key: Key) -> Vec<Effect> {
    let is_yes = key.is(Code::Char('y')) || (key.is(Code::Enter) && !question.is_grave);
    if let Some(list) = question.behind.take() {
        outbox::reopen(app, *list);
    }
    if is_yes {
        return match question.then {
            Confirmed::OpenUrl(url) => vec![Effect::OpenUrl(url)],
            Confirmed::Card(placed, deed) => app.card(placed, deed),
            Confirmed::Write(start) => app.write(start),
            Confirmed::Page(placed, inside) => make_page(app, placed, inside),
            Confirmed::Quit => vec![Effect::Quit],
            Confirmed::Apply(kind, targets) => app.apply(kind, targets),
            Confirmed::Discard(key) => compose::discard(app, key),
            Confirmed::Retry(item) => outbox::send_again(app, item),
            Confirmed::Cancel(item) => outbox::cancel(app, item),
        };
    }
    if question.is_grave {
        let text = match question.then {
            Confirmed::Retry(_) => "Nothing was sent",
            Confirmed::Cancel(_) => "It stays in the outbox",
            Confirmed::Discard(_) => "The draft is kept",
            _ => "Nothing was deleted",
        };
        return app.say(Safe::fixed(text));
    }
    match key.code() {
        Code::Char('c') if question.copies.is_some() => {
            let text = question.copies.unwrap_or_default();
            let mut effects = app.say(Safe::fixed("Copied the link"));
            effects.push(Effect::Copy(text));
            effects
        }
        Code::Esc | Code::Char('n' | 'q' | 'h') => Vec::new(),
        _ if key.is_ctrl('c') || key.is_ctrl('g') => Vec::new(),
        _ => {
            app.overlay = Some(Overlay::Confirm(question));
            Vec::new()
        }
    }
}

/// Does what a key or a click did to a picker.
pub(super) fn act(app: &mut App, picker: Picker, picked: Picked) -> Vec<Effect> {
    match picked {
        Picked::Close => Vec::new(),
        // The panel stays: it says how far the file is, and how else to have it.
        Picked::Choose(choice @ Choice::OpenFile(..)) => {
            app.overlay = Some(Overlay::Picker(picker));
            choose(app, choice)
        }
        Picked::Choose(choice) => choose(app, choice),
        Picked::CopyLink(link) => copy_link(app, link),
        Picked::Part(placed, at, what) => {
            if !matches!(what, PartAct::Pipe | PartAct::Forward) {
                app.overlay = Some(Overlay::Picker(picker));
            }
            files::act(app, placed, at, what)
        }
        Picked::Nothing => {
            app.overlay = Some(Overlay::Picker(picker));
            Vec::new()
        }
        Picked::Also(choice) => {
            app.overlay = Some(Overlay::Picker(picker));
            choose(app, choice)
        }
        Picked::Refuse(why) => {
            app.overlay = Some(Overlay::Picker(picker));
            app.say(Safe::join(&[Safe::fixed("Not this one:"), why], " "))
        }
        Picked::Text(_) => {
            app.overlay = Some(Overlay::Picker(picker));
            app.say(Safe::fixed(
                "Nothing matches; Backspace shows more, Esc closes",
            ))
        }
    }
}

/// Carries out a choice.
fn choose(app: &mut App, choice: Choice) -> Vec<Effect> {
    match choice {
        Choice::Action(index) => dispatch::run(app, index, None),
        Choice::Open(scope) => app.open_scope(scope),
        Choice::Account(key) => app.open_account(key),
        Choice::Sort(sort) => {
            app.list.change_view(|view| view.sort = sort);
            Vec::new()
        }
        Choice::Filter(query) => super::actions::apply_filter(app, query),
        Choice::TypeFilter => {
            let prompt = Prompt::new(app, PromptKind::Search);
            app.overlay = Some(Overlay::Prompt(prompt));
            Vec::new()
        }
        Choice::Link(link) => ask_to_open(app, link),
        Choice::Card(placed, deed) => app.card(placed, deed),
        Choice::Save(placed, parts) => app.save(placed, parts),
        Choice::Enter(part) => super::actions::enter(app, part),
        Choice::OpenFile(placed, at) => files::view(app, placed, at),
        Choice::CopyLinks => super::actions::choose_link(app),
        Choice::CopyBlocks => super::actions::choose_block(app),
        Choice::Copy(what, text) => app.copy_text(what, text),
        Choice::Mode(account, mode) => app.set_mode(account, mode),
        Choice::Layout(mode) => {
            app.settings.layout = mode;
            Vec::new()
        }
        Choice::File(file) => app.file(file),
        Choice::Rename(folder, name) => app.rename_folder(folder, name),
        Choice::Identity(identity) => compose::write_as(app, *identity),
        Choice::Press(key) => dispatch::key(app, key),
        Choice::Template(name) => app.write(DraftStart::Template(name)),
    }
}

/// Takes pasted text, where there is a line to take it.
pub(super) fn paste(app: &mut App, text: &str) -> Vec<Effect> {
    match app.overlay.take() {
        Some(Overlay::Prompt(mut line)) => {
            line.edit.insert(text);
            return prompt::changed(app, line);
        }
        Some(Overlay::Picker(mut picker)) => {
            picker.insert(text);
            app.overlay = Some(Overlay::Picker(picker));
        }
        Some(Overlay::Help(mut help)) => {
            help.insert(text, &app.keymap);
            app.overlay = Some(Overlay::Help(help));
        }
        other => app.overlay = other,
    }
    Vec::new()
}

/// Typing has paused: filters by what is in the prompt.
pub(super) fn refilter(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Prompt(line)) = &app.overlay else {
        return Vec::new();
    };
    if line.kind != PromptKind::Search {
        return Vec::new();
    }
    let text = line.edit.text();
    let error = prompt::filter_by(app, &text).err();
    if let Some(Overlay::Prompt(line)) = &mut app.overlay {
        line.error = error;
    }
    Vec::new()
}

/// The lines that one sentence of a question takes at most.
const TEXT_LINES_MAX: usize = 4;
/// Rows of a box that are not its list: two of the border.
const BORDER: u16 = 2;
/// The columns between two answers of a question.
pub(crate) const ANSWERS_GAP: u16 = 3;
/// Items that a picker shows at most.
const ITEMS_MAX: usize = 18;

impl App {
    /// Where the overlay lies; empty for a prompt, which has the status line.
    #[must_use]
    pub fn overlay_area(&self) -> Area {
        let panes = self.panes();
        let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        match &self.overlay {
            None | Some(Overlay::Prompt(_)) => Area::default(),
            Some(Overlay::Help(help)) => {
                let wanted = rows(help.lines().len()).max(12).saturating_add(1 + BORDER);
                panes.overlay(84.min(self.cols), wanted)
            }
            Some(Overlay::Picker(picker)) => {
                let cols = match picker.kind {
                    PickerKind::Menu => menu_cols(picker),
                    PickerKind::Fuzzy | PickerKind::Palette => 76,
                    PickerKind::Links | PickerKind::Attachments(_) => 100,
                };
                let items = rows(picker.all().len().clamp(1, ITEMS_MAX));
                let line = u16::from(picker.is_fuzzy());
                panes.overlay(cols.min(self.cols), items + line + BORDER)
            }
            Some(Overlay::Confirm(question)) => {
                let cols = 76.min(self.cols);
                let text = usize::from(cols.saturating_sub(4));
                let lines = question.text(text).len();
                panes.overlay(cols, rows(lines) + 2 + BORDER)
            }
            Some(Overlay::Activity(list)) => {
                let lines = rows(list.lines(self).len()).clamp(6, 40);
                panes.overlay(activity::COLS_MAX.min(self.cols), lines + BORDER)
            }
            Some(Overlay::Outbox(list)) => {
                let lines = rows(list.lines(self).len()).clamp(6, 40);
                panes.overlay(outbox::COLS_MAX.min(self.cols), lines + BORDER)
            }
            Some(Overlay::Output(output)) => {
                let lines = rows(output.lines.len()).clamp(3, 60);
                panes.overlay(100.min(self.cols), lines + BORDER)
            }
        }
    }

    /// The rows that the overlay has for its list.
    pub(crate) fn overlay_height(&self) -> usize {
        let inner = usize::from(self.overlay_area().inner().h);
        match &self.overlay {
            Some(Overlay::Help(_)) => inner.saturating_sub(1),
            Some(Overlay::Picker(picker)) => inner.saturating_sub(usize::from(picker.is_fuzzy())),
            Some(
                Overlay::Prompt(_)
                | Overlay::Confirm(_)
                | Overlay::Activity(_)
                | Overlay::Outbox(_)
                | Overlay::Output(_),
            )
            | None => inner,
        }
    }

    pub(crate) fn open_picker(
        &mut self,
        title: &'static str,
        kind: PickerKind,
        items: Vec<Item>,
    ) -> Vec<Effect> {
        self.overlay = Some(Overlay::Picker(Picker::new(title, kind, items)));
        Vec::new()
    }
}

/// The columns that a menu needs, within what still looks like one.
fn menu_cols(picker: &Picker) -> u16 {
    let cols = |item: &Item| columns(item.label.as_str()) + columns(item.detail.as_str()) + 10;
    let widest = picker.all().iter().map(cols).max().unwrap_or(0);
    u16::try_from(widest.clamp(48, 72)).unwrap_or(72)
}

/// The text cut into pieces of at most so many columns, for text that has no words, such as links.
fn chunks(text: &Safe, cols: usize) -> Vec<Safe> {
    const CHUNKS_MAX: usize = 6;
    let cols = cols.max(2);
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for cluster in text.as_str().graphemes(true) {
        let width = cluster.width();
        if used + width > cols {
            if pieces.len() == CHUNKS_MAX {
                break;
            }
            pieces.push(String::new());
            used = 0;
        }
        used += width;
        if let Some(last) = pieces.last_mut() {
            last.push_str(cluster);
        }
    }
    pieces.iter().map(|p| Safe::line(p)).collect()
}
