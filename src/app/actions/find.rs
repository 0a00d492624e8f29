//! Actions that look for words in the message that is read.
//!
//! Called through the table, by `prompt` and by `view`. Whatever is looked for, nothing but the
//! reader may change: the list keeps its filter and its cursor.

use super::Count;
use crate::app::{App, Context, Effect, Finding, Overlay, Prompt, PromptKind};
use crate::model::Safe;

/// Asks what to look for, from what is visible on.
pub(super) fn find(app: &mut App, _: Count) -> Vec<Effect> {
    app.focus = Context::Reader;
    app.reader.begin_search();
    let prompt = Prompt::new(app, PromptKind::FindHere);
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

/// The text in the prompt has changed: shows the first place of it.
pub(crate) fn find_here(app: &mut App, prompt: Prompt) -> Vec<Effect> {
    let height = app.reader_height();
    app.reader.search(&prompt.edit.text(), height);
    tell(app, prompt)
}

/// Goes to another place while the prompt stays open.
pub(crate) fn step_in_prompt(app: &mut App, prompt: Prompt, is_forward: bool) -> Vec<Effect> {
    let height = app.reader_height();
    app.reader
        .step_place(if is_forward { 1 } else { -1 }, height);
    tell(app, prompt)
}

/// Keeps the prompt open; `refresh` says what came of it so far.
fn tell(app: &mut App, prompt: Prompt) -> Vec<Effect> {
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

/// Has the open prompt say what was found, which can change while a text arrives.
pub(crate) fn refresh(app: &mut App) {
    let told = told(app);
    let is_missing = app.reader.finding.as_ref().is_some_and(Finding::is_empty) && !told.is_empty();
    if let Some(Overlay::Prompt(prompt)) = &mut app.overlay
        && prompt.kind == PromptKind::FindHere
    {
        prompt.error = is_missing.then(|| Safe::fixed(MISSING));
        prompt.told = Safe::line(&told);
    }
}

/// What is said where nothing was found.
const MISSING: &str = "is not in this message";

/// Keeps what was found; with nothing typed, looks for what was looked for last.
pub(crate) fn settle_search(app: &mut App, text: &str) -> Result<Vec<Effect>, Safe> {
    let height = app.reader_height();
    if text.is_empty() {
        let last = app.histories.get(&PromptKind::FindHere);
        let Some(last) = last.and_then(|h| h.last().map(str::to_owned)) else {
            app.reader.end_search(true, height);
            return Ok(Vec::new());
        };
        app.reader.search(&last, height);
    }
    if app.reader.finding.as_ref().is_none_or(Finding::is_empty) {
        return Err(Safe::fixed(MISSING));
    }
    Ok(Vec::new())
}

/// The prompt was closed: all is as it was before.
pub(crate) fn give_up_search(app: &mut App) {
    let height = app.reader_height();
    app.reader.end_search(true, height);
}

/// Goes on by so many places, if words are looked for in the message.
pub(super) fn step(app: &mut App, by: i64) -> Option<Vec<Effect>> {
    if app.focus != Context::Reader || !app.reader.is_searched() {
        return None;
    }
    let height = app.reader_height();
    let went_around = app.reader.step_place(by, height);
    Some(if went_around {
        app.say(Safe::fixed("The search went on around the end"))
    } else {
        Vec::new()
    })
}

/// Ends the search, if there is one. The message stays where it is.
pub(super) fn end(app: &mut App) -> bool {
    let is_searched = app.reader.is_searched();
    let height = app.reader_height();
    app.reader.end_search(false, height);
    is_searched
}

fn told(app: &App) -> String {
    let finding = app.reader.finding.as_ref();
    finding.map(Finding::told).unwrap_or_default()
}
