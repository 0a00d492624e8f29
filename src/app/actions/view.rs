//! Actions on what the list shows and how: search, filter, sort, threads, layout.
//!
//! Called through the table. Whatever changes the view must keep the cursor on its message.

use super::{Availability, Count};
use crate::app::picker::Choice;
use crate::app::{
    App, Context, Effect, Headers, Item, LayoutMode, Overlay, PickerKind, Prompt, PromptKind,
    prompt,
};
use crate::model::{Flag, Folding, Query, Safe, Scope, Sort, Term};

pub(super) fn search(app: &mut App, _: Count) -> Vec<Effect> {
    app.overlay = Some(Overlay::Prompt(Prompt::new(app, PromptKind::Search)));
    if app.focus == Context::Sidebar {
        app.focus = Context::List;
    }
    Vec::new()
}

pub(super) fn search_everywhere(app: &mut App, _: Count) -> Vec<Effect> {
    let mut effects = Vec::new();
    if app.list.view().scope != Scope::Everywhere(None) || app.here.is_some() {
        effects = app.open_scope(Scope::Everywhere(None));
    }
    effects.extend(search(app, None));
    effects
}

pub(super) fn filter(app: &mut App, _: Count) -> Vec<Effect> {
    let term = |term| Choice::Filter(Some(Query::Term(term)));
    let mut items = vec![
        Item::menu("u", "Unread", term(Term::Is(Flag::Seen, false))),
        Item::menu("s", "Starred", term(Term::Is(Flag::Flagged, true))),
        Item::menu("a", "With attachments", term(Term::HasAttachment)),
        Item::menu("r", "Not answered", term(Term::Is(Flag::Answered, false))),
    ];
    if let Some(row) = app.subject_row() {
        let who = Term::From(row.who.as_str().to_owned());
        let detail = row.who.clone();
        items.push(Item::menu("f", "From this sender", term(who)).with_detail(detail));
    }
    items.push(Item::menu("/", "Type a query", Choice::TypeFilter));
    if app.user_filter.is_some() {
        items.push(Item::menu("\\", "Show all again", Choice::Filter(None)));
    }
    app.open_picker("Show only", PickerKind::Menu, items)
}

/// Filters by a choice of the menu.
pub(crate) fn apply_filter(app: &mut App, query: Option<Query>) -> Vec<Effect> {
    let text = match &query {
        None => Safe::default(),
        Some(Query::Term(Term::Is(Flag::Seen, _))) => Safe::fixed("unread"),
        Some(Query::Term(Term::Is(Flag::Flagged, _))) => Safe::fixed("starred"),
        Some(Query::Term(Term::Is(Flag::Answered, _))) => Safe::fixed("not answered"),
        Some(Query::Term(Term::HasAttachment)) => Safe::fixed("with attachments"),
        Some(Query::Term(Term::From(who))) => Safe::line(&format!("from {who}")),
        Some(_) => Safe::fixed("filtered"),
    };
    app.set_filter(query, text);
    app.focus = Context::List;
    Vec::new()
}

pub(super) fn clear_filter(app: &mut App, _: Count) -> Vec<Effect> {
    app.set_filter(None, Safe::default());
    Vec::new()
}

/// Where words are looked for in a message, their places. In a filtered list every row matches; without a filter the last search comes back.
fn to_match(app: &mut App, rows: i64) -> Vec<Effect> {
    if let Some(effects) = super::find::step(app, rows) {
        return effects;
    }
    if app.user_filter.is_some() {
        let count = u32::try_from(rows.unsigned_abs()).ok();
        return if rows > 0 {
            super::motion::next(app, count)
        } else {
            super::motion::previous(app, count)
        };
    }
    let history = app.histories.entry(PromptKind::Search).or_default();
    match history.last().map(str::to_owned) {
        Some(text) => prompt::search(app, &text).unwrap_or_default(),
        None => app.say(Safe::fixed("Nothing was searched for yet; / searches")),
    }
}

pub(super) fn next_match(app: &mut App, count: Count) -> Vec<Effect> {
    to_match(app, i64::from(count.unwrap_or(1)))
}

pub(super) fn previous_match(app: &mut App, count: Count) -> Vec<Effect> {
    to_match(app, -i64::from(count.unwrap_or(1)))
}

/// The name of an order, and its key in the menu.
const SORTS: [(Sort, &str, &str); 5] = [
    (Sort::Newest, "n", "Newest first"),
    (Sort::Oldest, "o", "Oldest first"),
    (Sort::From, "f", "By sender"),
    (Sort::Subject, "s", "By subject"),
    (Sort::Size, "z", "Largest first"),
];

pub(super) fn sort(app: &mut App, _: Count) -> Vec<Effect> {
    let now = app.list.view().sort;
    let items = SORTS.iter().map(|(sort, key, name)| {
        let mark = if *sort == now { "now" } else { "" };
        Item::menu(key, name, Choice::Sort(*sort)).with_detail(Safe::fixed(mark))
    });
    app.open_picker("Sort the list", PickerKind::Menu, items.collect())
}

pub(super) fn has_threads(app: &App) -> Availability {
    if app.list.view().threads.is_some() {
        Availability::Yes
    } else {
        Availability::No("messages are not grouped by thread; T groups them")
    }
}

pub(super) fn toggle_threads(app: &mut App, _: Count) -> Vec<Effect> {
    let is_on = app.list.view().threads.is_some();
    app.list.change_view(|view| {
        view.threads = (!is_on).then(Folding::default);
    });
    let text = if is_on {
        "Every message is a row"
    } else {
        "Messages are grouped by thread"
    };
    app.say(Safe::fixed(text))
}

pub(super) fn fold(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(thread) = app.list.current().map(|row| row.thread) else {
        return Vec::new();
    };
    app.list.change_view(|view| {
        if let Some(folding) = &mut view.threads
            && !folding.except.remove(&thread)
        {
            folding.except.insert(thread);
        }
    });
    Vec::new()
}

fn set_all(app: &mut App, is_open: bool) -> Vec<Effect> {
    if app.focus == Context::Sidebar {
        app.sidebar.fold_all(&app.accounts, !is_open);
        return Vec::new();
    }
    let folding = Folding {
        is_open,
        ..Folding::default()
    };
    app.list.change_view(|view| view.threads = Some(folding));
    Vec::new()
}

pub(super) fn fold_all(app: &mut App, _: Count) -> Vec<Effect> {
    set_all(app, false)
}

pub(super) fn unfold_all(app: &mut App, _: Count) -> Vec<Effect> {
    set_all(app, true)
}

fn align(app: &mut App, from_top: u32, height: u32) -> Vec<Effect> {
    if app.focus == Context::List {
        app.list.align(from_top, height);
    }
    Vec::new()
}

pub(super) fn center(app: &mut App, _: Count) -> Vec<Effect> {
    let height = app.list_height();
    align(app, height / 2, height)
}

pub(super) fn align_top(app: &mut App, _: Count) -> Vec<Effect> {
    let height = app.list_height();
    align(app, 0, height)
}

pub(super) fn align_bottom(app: &mut App, _: Count) -> Vec<Effect> {
    let height = app.list_height();
    align(app, height.saturating_sub(1), height)
}

pub(super) fn toggle_preview(app: &mut App, _: Count) -> Vec<Effect> {
    app.has_preview = !app.has_preview;
    Vec::new()
}

pub(super) fn cycle_layout(app: &mut App, _: Count) -> Vec<Effect> {
    let all = LayoutMode::ALL;
    let at = all.iter().position(|m| *m == app.settings.layout);
    let next = all.get((at.unwrap_or(0) + 1) % all.len());
    app.settings.layout = next.copied().unwrap_or_default();
    app.has_preview = true;
    let text = match app.settings.layout {
        LayoutMode::Auto => "Preview where the width allows",
        LayoutMode::Beside => "Preview beside the list",
        LayoutMode::Below => "Preview below the list",
        LayoutMode::ListOnly => "List and message take turns",
    };
    app.say(Safe::fixed(text))
}

pub(super) fn toggle_sidebar(app: &mut App, _: Count) -> Vec<Effect> {
    let is_read_alone = app.focus == Context::Reader && app.panes().sidebar.is_empty();
    if app.cols < 80 || (app.has_sidebar && is_read_alone) {
        // There it can only take the place of what is shown.
        app.focus = match app.focus {
            Context::Sidebar => Context::List,
            Context::List | Context::Reader => Context::Sidebar,
        };
        return Vec::new();
    }
    app.has_sidebar = !app.has_sidebar;
    if !app.has_sidebar && app.focus == Context::Sidebar {
        app.focus = Context::List;
    }
    Vec::new()
}

impl App {
    /// Filters the list beyond what the place itself demands.
    pub(in crate::app) fn set_filter(&mut self, query: Option<Query>, text: Safe) {
        let base = self.here.as_ref().and_then(crate::app::sidebar::scope_of);
        let base = base.and_then(|(_, base)| base);
        let filter = match (base, query.clone()) {
            (Some(base), Some(query)) => Some(Query::And(vec![base, query])),
            (base, query) => base.or(query),
        };
        self.user_filter = query;
        self.filter_text = text;
        self.list.change_view(|view| view.filter = filter);
        if self.reader.headers == Headers::Source {
            self.reader.headers = Headers::Short;
            self.reader.lay_out();
        }
    }
}
