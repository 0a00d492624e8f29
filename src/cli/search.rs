//! `pillarbox search`: messages of all folders and accounts that match.
//!
//! Called by `mod.rs`. What a server finds is added to what is found here; where a server fails, what
//! was found here is still printed.

use super::args::SearchArgs;
use super::exit::{Exit, Failure, complain};
use super::output::Output;
use super::place::{Place, Tree};
use super::{accounts, listing, network, terminal};
use crate::engine::search_once;
use crate::model::{MailboxKey, MessageKey, Query, Scope, Sort, Term, ViewSpec};
use crate::store::{Reader, Store, View};
use std::collections::HashSet;

/// What the servers said.
struct Answer {
    found: HashSet<MessageKey>,
    exit: Exit,
}

/// Searches.
pub(super) fn search(
    place: &Place,
    args: &SearchArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let query = listing::query(&args.query)?;
    if args.server && asks_for_files(&query) {
        return Err(Failure::usage(
            "no server can be asked for attachments (filename:, is:attachment); leave out --server",
        ));
    }
    let store = place.store()?;
    listing::index(&store, &query);
    let reader = store.reader()?;
    let tree = Tree::read(place, &reader)?;
    let spec = spec(place, &tree, Some(query.clone()));
    let here = reader.view(&spec)?;
    let (view, rows, exit): (View, Vec<u32>, Exit) = if args.server {
        let mut answer = ask(place, &store, &query)?;
        answer.found.extend(keys(&here).map(|(_, key)| key));
        let all = reader.view(&ViewSpec {
            filter: None,
            ..spec
        })?;
        let found = keys(&all).filter(|(_, key)| answer.found.contains(key));
        let rows: Vec<u32> = found.map(|(row, _)| row).collect();
        (all, rows, answer.exit)
    } else {
        let rows = (0..here.len()).collect();
        (here, rows, Exit::Done)
    };
    // The store may know accounts that are no longer in the configuration.
    let own: HashSet<MailboxKey> = tree.mailboxes.iter().map(|m| m.key).collect();
    let is_own = |row: &u32| view.placed(*row).is_some_and(|p| own.contains(&p.mailbox));
    let rows: Vec<u32> = rows.into_iter().filter(is_own).collect();
    print(&reader, &tree, args, &view, rows, output)?;
    Ok(exit)
}

fn spec(place: &Place, tree: &Tree, filter: Option<Query>) -> ViewSpec {
    let account = place.account.as_deref();
    ViewSpec {
        scope: Scope::Everywhere(account.and_then(|name| tree.account_key(name))),
        filter,
        sort: Sort::Newest,
        threads: None,
    }
}

fn keys(view: &View) -> impl Iterator<Item = (u32, MessageKey)> {
    (0..view.len()).filter_map(|row| Some((row, view.placed(row)?.message)))
}

fn print(
    reader: &Reader,
    tree: &Tree,
    args: &SearchArgs,
    view: &View,
    rows: Vec<u32>,
    output: &mut Output,
) -> Result<(), Failure> {
    let columns = terminal::columns(output);
    let is_json = args.json.json;
    let wanted = rows
        .into_iter()
        .skip(usize::try_from(args.offset).unwrap_or(usize::MAX))
        .take(
            args.limit
                .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        );
    for at in wanted {
        for row in reader.rows(view, at, 1)? {
            listing::print(reader, tree, &row, is_json, columns, output)?;
        }
    }
    Ok(())
}

/// Whether anything in it is known here alone.
fn asks_for_files(query: &Query) -> bool {
    match query {
        Query::Term(term) => matches!(term, Term::Filename(_) | Term::HasAttachment),
        Query::Not(inner) => asks_for_files(inner),
        Query::And(all) | Query::Or(all) => all.iter().any(asks_for_files),
    }
}

/// Asks the server of each account that has one, all at the same time.
fn ask(place: &Place, store: &Store, query: &Query) -> Result<Answer, Failure> {
    let setup = accounts::setup(&place.loaded.config, &place.data_dir, None);
    let names = place.account_names();
    let setups = setup
        .accounts
        .into_iter()
        .filter(|a| names.contains(&a.name.as_str()) && !a.is_local());
    let answers = network::runtime()?.block_on(async {
        let mut asked = tokio::task::JoinSet::new();
        for setup in setups {
            let (store, query) = (store.clone(), query.clone());
            asked.spawn(async move {
                let answer = search_once(&store, &setup, &query).await;
                (setup.name, answer)
            });
        }
        asked.join_all().await
    });
    let (mut found, mut failed) = (HashSet::new(), 0);
    for (name, answer) in &answers {
        match answer {
            Ok((placed, refused)) => {
                found.extend(placed.iter().map(|p| p.message));
                for why in refused {
                    complain(&format!("{name}: the server did not search {why}"));
                }
            }
            Err(error) => {
                failed += 1;
                complain(&format!("{name}: only what is here was searched: {error}"));
            }
        }
    }
    let exit = match failed {
        0 => Exit::Done,
        n if n == answers.len() => Exit::Failed,
        _ => Exit::SomeFailed,
    };
    Ok(Answer { found, exit })
}
