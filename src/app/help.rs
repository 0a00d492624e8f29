//! The help: every action of a context with its keys, grouped, filtered while one types.
//!
//! Opened by `?`; its lines come from the action table and the keymap alone, so that it must never
//! say what is not so.

use super::{Code, Context, Edit, Group, Key, Keymap, actions};
use crate::model::Safe;

/// One line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpLine {
    /// The heading of a group.
    Heading(&'static str),
    /// An action: its keys and its title.
    Action {
        /// The keys, as shown.
        keys: Safe,
        /// What it does.
        title: &'static str,
        /// Its id, as `:` and the configuration take it.
        id: &'static str,
    },
    /// Nothing.
    Blank,
}

/// The help overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    /// Whose keys are shown.
    pub context: Context,
    /// What was typed to filter.
    pub edit: Edit,
    lines: Vec<HelpLine>,
    top: usize,
}

impl Help {
    /// The help for that context.
    #[must_use]
    pub fn new(context: Context, keymap: &Keymap) -> Self {
        let mut help = Self {
            context,
            edit: Edit::default(),
            lines: Vec::new(),
            top: 0,
        };
        help.refilter(keymap);
        help
    }

    /// The lines that match.
    #[must_use]
    pub fn lines(&self) -> &[HelpLine] {
        &self.lines
    }

    /// The first visible line.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// Takes what was typed or pasted.
    pub fn insert(&mut self, text: &str, keymap: &Keymap) {
        self.edit.insert(text);
        self.refilter(keymap);
    }

    /// Scrolls by so many lines.
    pub fn scroll_by(&mut self, lines: i64, height: usize) {
        let by = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if lines < 0 {
            self.top.saturating_sub(by)
        } else {
            self.top.saturating_add(by)
        };
        self.top = to.min(self.lines.len().saturating_sub(height.max(1)));
    }

    /// Takes a key. `false`: the help is to be closed.
    pub fn key(&mut self, key: Key, keymap: &Keymap, height: usize) -> bool {
        let page = i64::try_from(height.max(1)).unwrap_or(1);
        match key.code() {
            Code::Esc => return false,
            Code::Enter if self.edit.is_empty() => return false,
            Code::F(1) => return false,
            Code::Up => self.scroll_by(-1, height),
            Code::Down => self.scroll_by(1, height),
            Code::PageUp => self.scroll_by(-page, height),
            Code::PageDown => self.scroll_by(page, height),
            Code::Home => self.scroll_by(i64::MIN / 2, height),
            Code::End => self.scroll_by(i64::MAX / 2, height),
            _ if key.is_ctrl('c') || key.is_ctrl('g') => return false,
            _ if key.is_ctrl('d') => self.scroll_by(page / 2, height),
            _ if key.is_ctrl('u') && self.edit.is_empty() => self.scroll_by(-page / 2, height),
            // Pressed first, these still mean what they mean elsewhere; later they are typed.
            Code::Char('q' | '?') if self.edit.is_empty() => return false,
            Code::Char('j') if self.edit.is_empty() => self.scroll_by(1, height),
            Code::Char('k') if self.edit.is_empty() => self.scroll_by(-1, height),
            Code::Char(' ') if self.edit.is_empty() => self.scroll_by(page, height),
            _ => {
                if self.edit.key(key) {
                    self.refilter(keymap);
                }
            }
        }
        true
    }

    fn refilter(&mut self, keymap: &Keymap) {
        self.top = 0;
        self.lines.clear();
        let text = self.edit.text().to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        for group in Group::ALL {
            let mut is_first = true;
            let of_group = actions()
                .iter()
                .filter(|a| a.group == group && a.is_in(self.context));
            for action in of_group {
                let keys = keymap.shown(action.id, self.context);
                let hay = format!("{} {} {} {keys}", action.title, action.words, action.id);
                let hay = hay.to_lowercase();
                if !words.iter().all(|word| hay.contains(word)) {
                    continue;
                }
                if std::mem::take(&mut is_first) {
                    if !self.lines.is_empty() {
                        self.lines.push(HelpLine::Blank);
                    }
                    self.lines.push(HelpLine::Heading(group.title()));
                }
                self.lines.push(HelpLine::Action {
                    keys,
                    title: action.title,
                    id: action.id,
                });
            }
        }
    }
}
