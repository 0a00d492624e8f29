//! `pillarbox cache clear`: drops what the server can give again.
//!
//! Called by `mod.rs`. The journal and mail that is kept here must never be touched by it.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::place::Place;

/// Clears the cache of the named account, or of all.
pub(super) fn clear(place: &Place, output: &mut Output) -> Result<Exit, Failure> {
    let store = place.store()?;
    let Some(name) = &place.account else {
        store.writer()?.clear_cache(None)?;
        output.line("Cleared the cache; `pillarbox sync` fetches it again.")?;
        return Ok(Exit::Done);
    };
    let known = store
        .reader()?
        .accounts()?
        .into_iter()
        .find(|row| row.name == *name);
    if let Some(row) = known {
        store.writer()?.clear_cache(Some(row.key))?;
    }
    output.line(&format!(
        "Cleared the cache of {name}; `pillarbox sync` fetches it again."
    ))?;
    Ok(Exit::Done)
}
