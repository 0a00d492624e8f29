//! Asks a server which of its messages match a query, over one connection.
//!
//! Called by `cli` for `search --server`. It only reads on the server, so it needs no role: another
//! process may go on with its work.

use super::account::{Account, Failure};
use super::lane;
use super::once::{Wanted, prepare, sentence};
use super::pull::is_answer;
use super::setup::AccountSetup;
use super::store_thread::Db;
use crate::model::{Mailbox, Placed, Query, Term};
use crate::net::imap::Start;
use crate::store::Store;
use std::sync::Arc;

/// The messages that the server of an account finds, of those that are known here; and the folders
/// that it would not search.
///
/// # Errors
/// What went wrong, as a sentence with what to do.
pub async fn search_once(
    store: &Store,
    setup: &AccountSetup,
    query: &Query,
) -> Result<(Vec<Placed>, Vec<String>), String> {
    let db = Db::start(store).map_err(|e| e.to_string())?;
    let account = prepare(&db, setup, Wanted::Replay)
        .await
        .map_err(|e| e.to_string())?;
    let found = ask(&account, query).await;
    let _closed = tokio::task::spawn_blocking(move || db.close()).await;
    found.map_err(|failure| sentence(&failure))
}

async fn ask(account: &Arc<Account>, query: &Query) -> Result<(Vec<Placed>, Vec<String>), Failure> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    let key = account.key;
    let mailboxes = account.db.read(move |r| r.mailboxes(key)).await?;
    let mut lane = lane::connect(account).await?;
    lane.session.start(&Start::default()).await?;
    for mailbox in mailboxes
        .iter()
        .filter(|m| m.is_selectable && !m.is_pending)
    {
        let query = within(query, mailbox, &account.setup.name);
        if query == Query::Or(Vec::new()) {
            continue;
        }
        let Some(era) = lane.ensure_open(mailbox.key).await? else {
            refused.push(format!("{}: it cannot be opened", mailbox.name));
            continue;
        };
        let uids = match lane.session.search(&query).await {
            Ok(uids) => uids,
            Err(error) if is_answer(&error) => {
                refused.push(format!("{}: {}", mailbox.name, error.summary));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let key = mailbox.key;
        let messages = account.db.read_long(move |r| {
            if r.cursor(key)?.uid_validity != Some(era) {
                return Ok(Vec::new());
            }
            r.with_uids(key, &uids)
        });
        let placed = |message| Placed {
            message,
            mailbox: key,
        };
        found.extend(messages.await?.into_iter().map(placed));
    }
    lane.session.logout().await;
    Ok((found, refused))
}

/// The query as it is in one mailbox: what asks for the folder or the account is true or not there.
fn within(query: &Query, mailbox: &Mailbox, account: &str) -> Query {
    let known = |is_true: bool| match is_true {
        true => Query::And(Vec::new()),
        false => Query::Or(Vec::new()),
    };
    match query {
        Query::Term(Term::In(name)) => {
            let name = name.to_lowercase();
            let is_role = mailbox.role.is_some_and(|role| role.name() == name);
            let is_name = |own: &str| own.to_lowercase() == name;
            known(is_role || is_name(&mailbox.name) || is_name(mailbox.leaf()))
        }
        Query::Term(Term::Account(name)) => known(account.to_lowercase() == name.to_lowercase()),
        Query::Term(_) => query.clone(),
        Query::Not(inner) => match within(inner, mailbox, account) {
            Query::And(all) if all.is_empty() => known(false),
            Query::Or(any) if any.is_empty() => known(true),
            inner => Query::Not(Box::new(inner)),
        },
        Query::And(all) => {
            let all: Vec<Query> = all.iter().map(|q| within(q, mailbox, account)).collect();
            match all.contains(&known(false)) {
                true => known(false),
                false => Query::And(all),
            }
        }
        Query::Or(any) => {
            let any = any.iter().map(|q| within(q, mailbox, account));
            Query::Or(any.filter(|q| *q != known(false)).collect())
        }
    }
}
