//! Actions that take a message out of the program: into a file, to a program, to the printer.
//!
//! Called through the table. They concern the message at hand alone, never a selection: a key must
//! not run a program a thousand times.

use super::Count;
use crate::app::{App, Context, Effect, list::placed};
use crate::bus::Taken;
use crate::model::Placed;

/// The message that is read, or the one under the cursor.
fn at_hand(app: &App) -> Option<Placed> {
    if app.focus == Context::Reader && app.reader.placed.is_some() {
        return app.reader.placed;
    }
    app.list.current().map(placed)
}

pub(super) fn save(app: &mut App, _: Count) -> Vec<Effect> {
    let placed = at_hand(app);
    placed.map_or_else(Vec::new, |placed| app.save_message(placed))
}

pub(super) fn pipe(app: &mut App, _: Count) -> Vec<Effect> {
    let placed = at_hand(app);
    placed.map_or_else(Vec::new, |placed| app.ask_to_pipe(placed, Taken::Message))
}

pub(super) fn print(app: &mut App, _: Count) -> Vec<Effect> {
    let placed = at_hand(app);
    placed.map_or_else(Vec::new, |placed| app.print_message(placed))
}
