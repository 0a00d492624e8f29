//! A box with choices: fuzzy ones that filter while one types, and menus of one key each.
//!
//! Opened by actions with a [`Choice`] per item; `overlay` feeds it keys and `choose` carries the
//! choice out. An item that cannot be chosen now must stay visible with its reason.

use super::{Code, Edit, Key, LayoutMode};
use crate::bus::{CardDeed, SyncMode};
use crate::model::{AccountKey, Identity, MailboxKey, PartId, Placed, Query, Safe, Scope, Sort};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// How much more a match of the name is worth than one of a further word.
const NAME_BONUS: u32 = 40;
/// What scores less than so many tenths of the best is not shown.
const CUT_TENTHS: u32 = 8;

/// Where messages are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// The folder.
    pub mailbox: MailboxKey,
    /// Whether they are to stay where they are as well.
    pub is_copy: bool,
    /// How many rows were meant, if a number was typed.
    pub count: Option<u32>,
}

/// What choosing an item does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Runs the action with this index in the table.
    Action(usize),
    /// Opens a folder.
    Open(Scope),
    /// Goes to an account's inbox.
    Account(AccountKey),
    /// Sorts the list.
    Sort(Sort),
    /// Filters the list.
    Filter(Option<Query>),
    /// Asks for a query to filter by.
    TypeFilter,
    /// Opens a link, by its index.
    Link(usize),
    /// Do what a card of a message offers.
    Card(Placed, CardDeed),
    /// Saves attachments of that message; none: all.
    Save(Placed, Vec<PartId>),
    /// Opens an attachment of that message, by its place in the list.
    OpenFile(Placed, usize),
    /// Copies a text; the name says what it is.
    Copy(&'static str, String),
    /// Asks which link is to be copied.
    CopyLinks,
    /// Asks which paragraph is to be copied.
    CopyBlocks,
    /// Sets the mode of an account, or of all.
    Mode(Option<AccountKey>, SyncMode),
    /// Places the preview.
    Layout(LayoutMode),
    /// Moves or copies messages to a folder.
    File(File),
    /// Gives a folder that name.
    Rename(MailboxKey, String),
    /// Writes the draft as that person.
    Identity(Box<Identity>),
    /// Begins with a template.
    Template(String),
    /// Presses that key.
    Press(Key),
    /// Reads that part of the open message as a message of its own.
    Enter(PartId),
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub label: Safe,
    /// More about it, shown dim on the right.
    pub detail: Safe,
    /// The key that chooses it in a menu, or is shown beside it in the palette.
    pub key: Safe,
    /// Further words it is found by.
    pub words: &'static str,
    /// Why it cannot be chosen now.
    pub dim: Option<Safe>,
    /// What choosing it does.
    pub choice: Choice,
}

impl Item {
    /// An item with no more than its name.
    #[must_use]
    pub fn new(label: Safe, choice: Choice) -> Self {
        Self {
            label,
            detail: Safe::default(),
            key: Safe::default(),
            words: "",
            dim: None,
            choice,
        }
    }

    /// An item of a menu: a key and a name of our own.
    #[must_use]
    pub fn menu(key: &'static str, label: &'static str, choice: Choice) -> Self {
        Self {
            key: Safe::fixed(key),
            ..Self::new(Safe::fixed(label), choice)
        }
    }

    /// The same with a detail.
    #[must_use]
    pub fn with_detail(self, detail: Safe) -> Self {
        Self { detail, ..self }
    }
}

/// Which picker it is, where that matters for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickerKind {
    /// Filters while one types.
    Fuzzy,
    /// The palette: as fuzzy, and each item shows its key.
    Palette,
    /// Each item has a key of its own.
    Menu,
    /// A menu of links: `y` copies.
    Links,
    /// The panel of attachments, with keys of its own.
    Attachments(Placed),
}

/// The box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picker {
    /// Its heading.
    pub title: &'static str,
    /// What it says when it has no item.
    pub empty: &'static str,
    /// Its kind.
    pub kind: PickerKind,
    /// What was typed.
    pub edit: Edit,
    items: Vec<Item>,
    matches: Vec<usize>,
    cursor: usize,
    top: usize,
}

/// What can be done with a file of the panel, beside opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartAct {
    /// It is saved.
    Save,
    /// A program reads it.
    Pipe,
    /// It is passed on.
    Forward,
    /// Its name is copied.
    CopyName,
    /// What runs on it is stopped.
    Stop,
}

/// What a key did to a picker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// Nothing that concerns others.
    Nothing,
    /// It is to be closed.
    Close,
    /// This was chosen; the picker is to be closed.
    Choose(Choice),
    /// This is to be done while the picker stays open.
    Also(Choice),
    /// This was chosen, and cannot be done, for that reason.
    Refuse(Safe),
    /// The text that was typed was entered, and matches nothing.
    Text(String),
    /// This link is to be copied.
    CopyLink(usize),
    /// This is to be done with that file of the panel, which stays open.
    Part(Placed, usize, PartAct),
}

impl Picker {
    /// A picker of that kind over these items.
    #[must_use]
    pub fn new(title: &'static str, kind: PickerKind, items: Vec<Item>) -> Self {
        let mut picker = Self {
            title,
            empty: "Nothing matches.",
            kind,
            edit: Edit::default(),
            items,
            matches: Vec::new(),
            cursor: 0,
            top: 0,
        };
        picker.refilter();
        picker.start_at(|item| item.dim.is_none());
        picker
    }

    /// Whether typing filters.
    #[must_use]
    pub const fn is_fuzzy(&self) -> bool {
        matches!(self.kind, PickerKind::Fuzzy | PickerKind::Palette)
    }

    /// How many items match.
    #[must_use]
    pub fn len(&self) -> usize {
        self.matches.len()
    }

    /// Whether no item matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }

    /// How many items there are in all.
    #[must_use]
    pub fn all(&self) -> &[Item] {
        &self.items
    }

    /// The item of that place among those that match.
    #[must_use]
    pub fn item(&self, at: usize) -> Option<&Item> {
        self.matches.get(at).and_then(|n| self.items.get(*n))
    }

    /// The place of the cursor among those that match.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// The first visible place.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// Moves the cursor to the first item for which this holds.
    pub fn start_at(&mut self, is_wanted: impl Fn(&Item) -> bool) {
        let at = (0..self.len()).find(|n| self.item(*n).is_some_and(&is_wanted));
        self.cursor = at.unwrap_or(0);
    }

    /// Takes what was typed or pasted.
    pub fn insert(&mut self, text: &str) {
        if self.is_fuzzy() {
            self.edit.insert(text);
            self.refilter();
        }
    }

    /// Makes the cursor visible in so many rows.
    pub fn settle(&mut self, height: usize) {
        let low = (self.cursor + 1).saturating_sub(height);
        self.top = self.top.clamp(low, self.cursor.max(low));
    }

    /// Moves the cursor by so many rows.
    pub fn move_by(&mut self, rows: i64) {
        let last = i64::try_from(self.len().saturating_sub(1)).unwrap_or(i64::MAX);
        let at = i64::try_from(self.cursor).unwrap_or(0);
        self.cursor = usize::try_from((at + rows).clamp(0, last)).unwrap_or(0);
    }

    /// Moves the cursor to a place; `false` if there is none.
    pub fn move_to(&mut self, at: usize) -> bool {
        let is_there = at < self.len();
        if is_there {
            self.cursor = at;
        }
        is_there
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, height: usize) -> Picked {
        let page = i64::try_from(height.max(1)).unwrap_or(1);
        match key.code() {
            Code::Esc => return Picked::Close,
            Code::Enter => return self.enter(),
            Code::Up => self.move_by(-1),
            Code::Down => self.move_by(1),
            Code::PageUp => self.move_by(-page),
            Code::PageDown => self.move_by(page),
            Code::Tab => self.move_by(if key.is(Code::Tab) { 1 } else { -1 }),
            _ if key.is_ctrl('n') || key.is_ctrl('j') => self.move_by(1),
            _ if key.is_ctrl('p') => self.move_by(-1),
            _ if key.is_ctrl('c') || key.is_ctrl('g') => return Picked::Close,
            _ if self.is_fuzzy() => {
                if self.edit.key(key) {
                    self.refilter();
                }
            }
            _ => return self.menu_key(key, page),
        }
        Picked::Nothing
    }

    fn enter(&self) -> Picked {
        match self.item(self.cursor) {
            Some(item) => match &item.dim {
                Some(why) => Picked::Refuse(why.clone()),
                None => Picked::Choose(item.choice.clone()),
            },
            None if self.is_fuzzy() && !self.edit.is_empty() => Picked::Text(self.edit.text()),
            None => Picked::Nothing,
        }
    }

    fn menu_key(&mut self, key: Key, page: i64) -> Picked {
        let Some(typed) = key.typed() else {
            match key.code() {
                Code::Home => self.move_by(i64::MIN / 2),
                Code::End => self.move_by(i64::MAX / 2),
                _ if key.is_ctrl('d') || key.is_ctrl('f') => self.move_by(page),
                _ if key.is_ctrl('u') || key.is_ctrl('b') => self.move_by(-page),
                _ => {}
            }
            return Picked::Nothing;
        };
        let mut bytes = [0; 4];
        let text: &str = typed.encode_utf8(&mut bytes);
        let own = (0..self.len()).find(|n| self.item(*n).is_some_and(|i| i.key.as_str() == text));
        if let Some(at) = own {
            self.cursor = at;
            return self.enter();
        }
        match (self.kind, typed) {
            (PickerKind::Links, 'y') => {
                if let Some(Choice::Link(n)) = self.item(self.cursor).map(|i| &i.choice) {
                    return Picked::CopyLink(*n);
                }
            }
            (PickerKind::Attachments(_), 's' | '|' | 'f' | 'y' | 'x') => {
                return self.part_key(typed);
            }
            (PickerKind::Attachments(placed), 'S') => {
                return Picked::Choose(Choice::Save(placed, Vec::new()));
            }
            (_, 'j') => self.move_by(1),
            (_, 'k') => self.move_by(-1),
            (_, 'g') => self.move_by(i64::MIN / 2),
            (_, 'G') => self.move_by(i64::MAX / 2),
            (_, 'q' | 'h') => return Picked::Close,
            (_, 'l' | ' ') => return self.enter(),
            _ => {}
        }
        Picked::Nothing
    }

    fn part_key(&self, typed: char) -> Picked {
        let act = match typed {
            's' => PartAct::Save,
            '|' => PartAct::Pipe,
            'f' => PartAct::Forward,
            'y' => PartAct::CopyName,
            _ => PartAct::Stop,
        };
        match self.item(self.cursor).map(|item| &item.choice) {
            Some(Choice::OpenFile(placed, at)) => Picked::Part(*placed, *at, act),
            _ => Picked::Nothing,
        }
    }

    /// Takes the same items as they are now.
    pub fn renew(&mut self, items: Vec<Item>) {
        let cursor = self.cursor;
        self.items = items;
        let top = self.top;
        self.refilter();
        self.cursor = cursor.min(self.len().saturating_sub(1));
        self.top = top;
    }

    /// The items that match what was typed, the best first; as they are where nothing was typed.
    fn refilter(&mut self) {
        self.cursor = 0;
        self.top = 0;
        let text = self.edit.text();
        if text.trim().is_empty() {
            self.matches = (0..self.items.len()).collect();
            return;
        }
        let pattern = Pattern::parse(&text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher);
        let mut scored: Vec<(u32, u32, usize)> = Vec::new();
        let mut best_raw = 0;
        for (n, item) in self.items.iter().enumerate() {
            // A name counts for more than a further word.
            let name = score(item.label.as_str());
            let words = match item.words {
                "" => None,
                words => score(&format!("{} {words}", item.label)),
            };
            let raw = name.max(words).unwrap_or(0);
            best_raw = best_raw.max(raw);
            let ranked = name.map(|s| s.saturating_add(NAME_BONUS)).max(words);
            let dim = u32::from(item.dim.is_some());
            if let Some(ranked) = ranked {
                scored.push((raw, ranked.saturating_sub(dim), n));
            }
        }
        // Where something fits well, what has its letters strewn about only hides it.
        scored.retain(|(raw, ..)| raw.saturating_mul(10) >= best_raw.saturating_mul(CUT_TENTHS));
        scored.sort_by_key(|(_, ranked, n)| (std::cmp::Reverse(*ranked), *n));
        self.matches = scored.into_iter().map(|(.., n)| n).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker(names: &[&'static str]) -> Picker {
        let items = names.iter().enumerate();
        let items = items.map(|(n, name)| Item::new(Safe::fixed(name), Choice::Action(n)));
        Picker::new("Test", PickerKind::Fuzzy, items.collect())
    }

    #[test]
    fn typing_finds_by_plain_words_and_the_best_comes_first() {
        let mut picker = picker(&[
            "Mark as unread",
            "Go to next unread message",
            "Sort the list",
        ]);
        picker.insert("next unr");
        assert_eq!(picker.len(), 1);
        assert_eq!(picker.enter(), Picked::Choose(Choice::Action(1)));
    }

    #[test]
    fn what_only_has_the_letters_somewhere_is_left_out_where_something_fits() {
        let names = [
            "Fold or unfold the thread",
            "Mark as unread",
            "Unfold everything",
        ];
        let mut picker = picker(&names);
        picker.insert("unread");
        assert_eq!(picker.len(), 1);
        picker.edit = Edit::default();
        picker.insert("ufe");
        assert!(!picker.is_empty(), "letters alone still find");
    }

    #[test]
    fn a_menu_is_chosen_from_by_one_key_and_a_dim_item_is_not() {
        let mut items = vec![
            Item::menu("d", "Date", Choice::Sort(Sort::Newest)),
            Item::menu("s", "Subject", Choice::Sort(Sort::Subject)),
        ];
        items[0].dim = Some(Safe::fixed("sorted so already"));
        let mut menu = Picker::new("Sort", PickerKind::Menu, items);
        let press = |c| Key::plain(Code::Char(c));
        let why = Safe::fixed("sorted so already");
        assert_eq!(menu.key(press('d'), 5), Picked::Refuse(why));
        let chosen = menu.key(press('s'), 5);
        assert_eq!(chosen, Picked::Choose(Choice::Sort(Sort::Subject)));
    }
}
