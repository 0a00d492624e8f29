//! One session with a maildrop: what is new is fetched, what may go is deleted (RFC 1939).
//!
//! Called by `maildrop`. Nothing is deleted on the server that is not durable here; what a session that
//! broke has brought is here, and the next one goes on after it.

use super::account::{Account, Failure};
use super::clock;
use super::digest::{PROBE_LINES, digest};
use super::drop_plan::{Fate, Listed, Matching};
use super::drop_take::{Taken, Taking, Wanted};
use crate::bus::Link;
use crate::config::LeaveOnServer;
use crate::model::Safe;
use crate::net::pop3::{Scan, Session};
use crate::net::{Class, Error};
use crate::store::Deletion;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many fetched messages may wait for the next step.
pub(super) const WAITING_MAX: usize = 4;

/// What a session has to say besides whether it went well.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The server wants so much time between two logins.
    pub(crate) login_delay: Option<Duration>,
    /// It refused something of a single message. All else is done.
    pub(crate) refused: Option<Error>,
}

/// Fetches the credentials and opens a session.
async fn open(account: &Account) -> Result<Session, Failure> {
    let login = super::lane::credentials(account).await?;
    let setup = &account.setup;
    Ok(Session::open(&setup.server, &login, &setup.options).await?)
}

/// A round: fetches, deletes, says goodbye.
pub(crate) async fn round(account: &Arc<Account>) -> Result<Told, Failure> {
    let mut session = open(account).await?;
    let login_delay = session.offers().login_delay;
    let mut round = Round::begin(account, &mut session).await?;
    round.tell_apart().await?;
    round.fetch().await?;
    let deleted = round.delete().await?;
    let refused = round.refused.take();
    // Only now the server deletes; until it says so, nobody knows whether it has.
    session.quit().await?;
    note(account, deleted, Deletion::Confirmed).await?;
    Ok(Told {
        login_delay,
        refused,
    })
}

pub(super) struct Round<'a> {
    pub(super) account: &'a Arc<Account>,
    pub(super) session: &'a mut Session,
    pub(super) matching: Matching,
    /// Messages that are to be fetched, and those whose beginning tells whether they are known.
    pub(super) new: Vec<u32>,
    pub(super) unsure: Vec<u32>,
    /// Those that are known by their ids.
    pub(super) known: Vec<(u32, usize)>,
    /// Those that were unsure.
    pub(super) doubted: HashSet<u32>,
    /// The first thing that the server refused.
    pub(super) refused: Option<Error>,
    /// What this session stored, by number.
    stored: HashMap<u32, i64>,
    /// The time, as it is counted for this account.
    pub(super) counted: i64,
}

impl<'a> Round<'a> {
    async fn begin(account: &'a Arc<Account>, session: &'a mut Session) -> Result<Self, Failure> {
        let name = account.setup.name.clone();
        let (rows, now) = (name.clone(), clock::now_secs());
        let rows = account.db.read_long(move |r| r.maildrop(&rows)).await?;
        let counted = account
            .db
            .write_bulk(move |w| w.count_time(&name, now))
            .await?;
        let listing = list(session).await?;
        let (matching, fates) = Matching::new(listing, rows);
        let of = |wanted: Fate| {
            let fates = fates.iter().filter(move |(_, fate)| *fate == wanted);
            fates.map(|(number, _)| *number).collect()
        };
        Ok(Self {
            account,
            session,
            matching,
            new: of(Fate::New),
            unsure: of(Fate::Unsure),
            known: fates
                .iter()
                .filter_map(|(number, fate)| match fate {
                    Fate::Known(at) => Some((*number, *at)),
                    Fate::New | Fate::Unsure => None,
                })
                .collect(),
            doubted: HashSet::new(),
            refused: None,
            stored: HashMap::new(),
            counted,
        })
    }

    /// Fetches what is new and what was asked for, storing as it comes.
    async fn fetch(&mut self) -> Result<(), Failure> {
        let (headers, wholes) = self.wanted();
        let total = headers.len() + wholes.len();
        let mut taking = Taking::new(self.account, total, self.counted).await?;
        if total > 0 {
            self.show(0, total);
        }
        let fetched = match self.retrieve(&wholes, &mut taking).await {
            Ok(()) => self.retrieve_headers(&headers, &mut taking).await,
            failed => failed,
        };
        // What has come is here, however it ended.
        let Taken {
            stored,
            recognised,
            refused,
            missing,
        } = taking.finish().await?;
        if let Err(failure) = fetched {
            return Err(self.distrust(failure, stored).await);
        }
        for (number, at) in recognised {
            self.matching.take(at, number);
        }
        self.stored = stored;
        if self.refused.is_none() {
            self.refused = refused;
        }
        // One that was not given may be any of those that were not found.
        let gone = match missing.iter().any(|number| self.doubted.contains(number)) {
            true => Vec::new(),
            false => self.matching.gone(),
        };
        let (name, seen) = (self.account.setup.name.clone(), self.matching.seen());
        self.account
            .db
            .write_bulk(move |w| w.note_listing(&name, &gone, &seen))
            .await?;
        Ok(())
    }

    /// What a server sent that answers out of step may be something else than was asked for: as after
    /// a deletion of which nobody knows, it is known again by all its bytes only.
    async fn distrust(&self, failure: Failure, stored: HashMap<u32, i64>) -> Failure {
        let is_out_of_step = matches!(&failure, Failure::Net(e) if e.class == Class::Protocol);
        if !is_out_of_step {
            return failure;
        }
        let keys = stored.into_values().collect();
        match note(self.account, keys, Deletion::Sent).await {
            Ok(()) => failure,
            Err(other) => other,
        }
    }

    /// What is fetched of what: the header of large messages, all of others and of what the user
    /// asked for.
    fn wanted(&self) -> (Vec<Wanted>, Vec<Wanted>) {
        let max_size = self.account.setup.maildrop.unwrap_or_default().max_size;
        let has_top = self.session.offers().has_top;
        let mut headers = Vec::new();
        let mut wholes = Vec::new();
        for number in &self.new {
            let Some((place, listed)) = self.matching.listed(*number) else {
                continue;
            };
            let wanted = Wanted {
                number: *number,
                size: listed.size,
                uidl: listed.uidl.clone(),
                place,
                completes: None,
            };
            let is_large = max_size.is_some_and(|max| listed.size > max);
            if is_large && has_top {
                headers.push(wanted);
            } else {
                wholes.push(wanted);
            }
        }
        let asked_for = self.matching.found().filter(|(row, _)| row.is_wanted);
        for (row, number) in asked_for {
            wholes.push(Wanted {
                number,
                size: row.size,
                uidl: row.uidl.clone(),
                place: row.place,
                completes: Some(row.key),
            });
        }
        (headers, wholes)
    }

    async fn retrieve(&mut self, wanted: &[Wanted], taking: &mut Taking) -> Result<(), Failure> {
        if wanted.is_empty() {
            return Ok(());
        }
        let scans: Vec<Scan> = wanted
            .iter()
            .map(|w| Scan {
                number: w.number,
                size: w.size,
            })
            .collect();
        let (sink, arriving) = mpsc::channel(WAITING_MAX);
        let matching = &self.matching;
        let storing = taking.take_all(wanted, arriving, true, |number, raw| {
            matching.by_digest(number, &digest(raw))
        });
        let (fetched, stored) = tokio::join!(self.session.retrieve(&scans, sink), storing);
        stored?;
        Ok(fetched?)
    }

    async fn retrieve_headers(
        &mut self,
        wanted: &[Wanted],
        taking: &mut Taking,
    ) -> Result<(), Failure> {
        if wanted.is_empty() {
            return Ok(());
        }
        let numbers: Vec<u32> = wanted.iter().map(|w| w.number).collect();
        let (sink, arriving) = mpsc::channel(WAITING_MAX);
        let storing = taking.take_all(wanted, arriving, false, |_, _| None);
        let asking = self.session.top(&numbers, PROBE_LINES, sink);
        let (fetched, stored) = tokio::join!(asking, storing);
        stored?;
        fetched?;
        Ok(())
    }

    /// Marks on the server what may go. The rows whose messages the server will delete at QUIT.
    async fn delete(&mut self) -> Result<Vec<i64>, Failure> {
        if self.account.setup.maildrop.unwrap_or_default().leave == LeaveOnServer::Always {
            return Ok(Vec::new());
        }
        let name = self.account.setup.name.clone();
        let rows = self
            .account
            .db
            .read_long(move |r| r.maildrop(&name))
            .await?;
        let mut numbers: HashMap<i64, u32> = self
            .matching
            .found()
            .map(|(row, number)| (row.key, number))
            .collect();
        numbers.extend(self.stored.iter().map(|(number, key)| (*key, *number)));
        let due: Vec<(u32, i64)> = rows
            .iter()
            .filter(|row| self.is_due(row))
            .filter_map(|row| Some((*numbers.get(&row.key)?, row.key)))
            .collect();
        let due = self.without_impostors(due).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<u32> = due.iter().map(|(number, _)| *number).collect();
        let marked = self.session.delete(&wanted).await?;
        if self.refused.is_none() {
            self.refused = marked.refused;
        }
        let accepted: HashSet<u32> = marked.numbers.into_iter().collect();
        let due = due.iter().filter(|(number, _)| accepted.contains(number));
        let keys: Vec<i64> = due.map(|(_, key)| *key).collect();
        note(self.account, keys.clone(), Deletion::Sent).await?;
        Ok(keys)
    }

    /// Of those that are due, the ones that are what is here. Whatever has the id of a message would be
    /// deleted for it; another one is looked at in the next session, and fetched.
    async fn without_impostors(
        &mut self,
        due: Vec<(u32, i64)>,
    ) -> Result<Vec<(u32, i64)>, Failure> {
        let known: HashMap<u32, usize> = self.known.iter().copied().collect();
        let said: Vec<(u32, usize)> = due
            .iter()
            .filter_map(|(number, _)| Some((*number, *known.get(number)?)))
            .collect();
        let same = self.are_same(&said).await?;
        let impostors = due
            .iter()
            .filter(|(number, _)| same.get(number) == Some(&false));
        let keys = impostors.map(|(_, key)| *key).collect();
        note(self.account, keys, Deletion::Sent).await?;
        let is_here = |number: &u32| match known.get(number) {
            Some(_) => same.get(number) == Some(&true),
            None => true,
        };
        let due = due.into_iter().filter(|(number, _)| is_here(number));
        Ok(due.collect())
    }

    fn show(&self, done: usize, total: usize) {
        show(self.account, done, total);
    }
}

/// Shows how far a round has come.
pub(super) fn show(account: &Account, done: usize, total: usize) {
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    account.set_link(Link::Syncing {
        mailbox: Safe::default(),
        done: number(done),
        total: number(total),
    });
}

async fn note(account: &Account, keys: Vec<i64>, deletion: Deletion) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    account
        .db
        .write_bulk(move |w| w.note_deletions(&keys, deletion))
        .await?;
    Ok(())
}

/// The messages with their sizes and ids, in the order of their numbers.
async fn list(session: &mut Session) -> Result<Vec<Listed>, Failure> {
    let scans = session.list().await?;
    if scans.is_empty() {
        return Ok(Vec::new());
    }
    let ids = session.uidl().await?.unwrap_or_default();
    let mut ids: HashMap<u32, String> = ids.into_iter().collect();
    let mut listed: BTreeMap<u32, Listed> = BTreeMap::new();
    for scan in scans {
        let uidl = ids.remove(&scan.number).unwrap_or_default();
        let one = Listed {
            number: scan.number,
            size: scan.size,
            uidl,
        };
        if listed.insert(scan.number, one).is_some() {
            return Err(twice(scan.number).into());
        }
    }
    Ok(listed.into_values().collect())
}

fn twice(number: u32) -> Error {
    let mut error = Error::new(
        Class::Protocol,
        format!("The server listed message {number} twice."),
    );
    error.hint =
        "Nothing was fetched or deleted; if it happens again, ask the provider.".to_owned();
    error
}
