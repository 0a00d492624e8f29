//! Completion of addresses: who is known to the store and to files of contacts at once, then who
//! the slow sources know, merged.
//!
//! Asked by `dispatch`; kept up to date by `gather`. Must never make typing wait, and never propose
//! an address that cannot be sent to, or a name that holds more than a name.

use super::changes::Changes;
use super::{clock, lookup};
use crate::bus::{Completion, Event, Problem, RequestId, WritingEvent};
use crate::config;
use crate::model::{AccountKey, Address, Safe, Secret};
use crate::net::Class;
use crate::store::{People, Person};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// So many are proposed.
const PROPOSED_MAX: usize = 20;
/// How long mail that was not looked through yet is waited for.
const GATHERING_LIMIT: Duration = Duration::from_secs(2);

/// How long nobody must have typed before the slow sources are asked.
const TYPING_PAUSE: Duration = Duration::from_millis(200);
/// Less than this says too little to ask them.
const SLOW_CHARS_MIN: usize = 2;
/// How long a password that could not be had is not asked for again.
const SECRET_PAUSE: Duration = Duration::from_secs(60);

type BoxFuture<'a> = Pin<Box<dyn Future<Output = Vec<Told>> + Send + 'a>>;

/// What is known without asking anybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Of mail sent and received.
    pub(crate) people: Arc<People>,
    /// Of files of contacts.
    pub(crate) cards: Arc<People>,
    /// Counts up each time that news were looked for.
    pub(crate) round: u64,
}

/// The desk where addresses are asked for.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) setup: config::Directory,
    /// The user's own addresses, which are not proposed.
    pub(crate) own: Vec<String>,
    pub(crate) known: watch::Sender<Known>,
    /// Rung when somebody asks, so that news are looked for.
    pub(crate) wanted: Notify,
    /// The password for the directory, once it was had; `Some(None)`: none is needed.
    secret: watch::Sender<Option<Option<Secret>>>,
    /// Rung when the password is needed.
    secret_wanted: Notify,
    /// Sources of which was told already that they fail.
    faults: Mutex<BTreeSet<&'static str>>,
    changes: Arc<Changes>,
}

impl Directory {
    pub(crate) fn new(
        setup: config::Directory,
        own: Vec<String>,
        changes: Arc<Changes>,
    ) -> Arc<Self> {
        Arc::new(Self {
            setup,
            own,
            known: watch::Sender::new(Known::default()),
            wanted: Notify::new(),
            secret: watch::Sender::new(None),
            secret_wanted: Notify::new(),
            faults: Mutex::default(),
            changes,
        })
    }

    /// Tells once in a run of the program that a source fails; typing goes on without it.
    fn tell_fault(&self, source: &'static str, summary: &str, hint: &str) {
        tracing::warn!(source, summary, "a source of addresses failed");
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.insert(source) {
            self.changes.event(Event::Problem(Problem {
                account: None,
                summary: Safe::line(&format!(
                    "Addresses are completed without {source}: {summary}"
                )),
                hint: Safe::line(hint),
            }));
        }
    }

    /// Asks the directory, if there is one.
    async fn ask_ldap(&self, typed: &str) -> Vec<Told> {
        let Some(ldap) = &self.setup.ldap else {
            return Vec::new();
        };
        let asking = async {
            let mut secret = self.secret.subscribe();
            self.secret_wanted.notify_one();
            let had = secret.wait_for(Option::is_some).await;
            let password = had.ok().and_then(|had| had.clone()).flatten();
            lookup::ask_directory(&lookup::directory_of(ldap, password), typed).await
        };
        match tokio::time::timeout(lookup::LIMIT, asking).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                if error.class == Class::Auth {
                    // It may have been changed; whoever asks next has it fetched again.
                    self.secret.send_replace(None);
                }
                self.tell_fault("LDAP", &error.summary, &error.hint);
                Vec::new()
            }
            // A slow answer is no fault that somebody who types must be told of.
            Err(_) => Vec::new(),
        }
    }

    async fn ask_command(&self, typed: &str) -> Vec<Told> {
        match lookup::ask_command(&self.setup.argv(), typed).await {
            Ok(told) => told,
            Err(summary) => {
                self.tell_fault("the command", &summary, "see `command` under [directory]");
                Vec::new()
            }
        }
    }
}

/// Fetches the password for the directory when it is needed: that may take its time, and must not
/// happen twice at once. Goes on until it is dropped.
pub(crate) async fn fetch_secret(directory: Arc<Directory>) {
    while let Some(ldap) = directory.setup.ldap.clone() {
        directory.secret_wanted.notified().await;
        if directory.secret.borrow().is_some() {
            continue;
        }
        let fetched = tokio::task::spawn_blocking(move || ldap.secret()).await;
        match fetched {
            Ok(Ok(secret)) => drop(directory.secret.send_replace(Some(secret))),
            Ok(Err(error)) => {
                directory.tell_fault("LDAP", &error, "see [directory.ldap] in the configuration");
                tokio::time::sleep(SECRET_PAUSE).await;
            }
            Err(_) => tokio::time::sleep(SECRET_PAUSE).await,
        }
    }
}

/// What was asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) request: RequestId,
    pub(crate) account: AccountKey,
    pub(crate) typed: String,
}

/// Answers one question: at once, and again when more is known. Ended by being dropped.
pub(crate) async fn complete(
    directory: Arc<Directory>,
    question: Question,
    events: mpsc::Sender<Event>,
) {
    let mut news = directory.known.subscribe();
    let known = news.borrow_and_update().clone();
    let answer = Answer {
        question: &question,
        events: &events,
    };
    answer.tell(&known, &[], false).await;
    directory.wanted.notify_one();
    let asked = known.round;
    let newer = async { news.wait_for(|k| k.round > asked).await.map(|k| k.clone()) };
    let known = match tokio::time::timeout(GATHERING_LIMIT, newer).await {
        Ok(Ok(newer)) => newer,
        Ok(Err(_)) | Err(_) => known,
    };
    let has_slow = directory.setup.ldap.is_some() || directory.setup.command.is_some();
    let typed = lookup::cleaned(&question.typed);
    if !has_slow || typed.chars().count() < SLOW_CHARS_MIN {
        answer.tell(&known, &[], true).await;
        return;
    }
    answer.tell(&known, &[], false).await;
    // Who types on is not worth a question.
    tokio::time::sleep(TYPING_PAUSE).await;
    let mut told = Vec::new();
    let ldap: BoxFuture<'_> = Box::pin(directory.ask_ldap(&typed));
    let command: BoxFuture<'_> = Box::pin(directory.ask_command(&typed));
    let mut sources: FuturesUnordered<BoxFuture<'_>> = [ldap, command].into_iter().collect();
    while let Some(more) = sources.next().await {
        told.extend(more);
        answer.tell(&known, &told, sources.is_empty()).await;
    }
}

/// Who else knows somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) address: Address,
    /// Who told it: "LDAP".
    pub(crate) source: Safe,
}

struct Answer<'a> {
    question: &'a Question,
    events: &'a mpsc::Sender<Event>,
}

impl Answer<'_> {
    async fn tell(&self, known: &Known, told: &[Told], is_final: bool) {
        let items = merged(known, told, self.question);
        let event = WritingEvent::Completions {
            request: self.question.request,
            items,
            is_final,
        };
        let _gone = self.events.send(Event::Writing(event)).await;
    }
}

/// How well somebody is known: in this order they are proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Written,
    Contact,
    Wrote,
    Told,
    Automatic,
}

/// One list of all that fits, each address once, the best first.
fn merged(known: &Known, told: &[Told], question: &Question) -> Vec<Completion> {
    let account = Some(question.account);
    let met = known.people.find(&question.typed, account, PROPOSED_MAX);
    let cards = known.cards.find(&question.typed, account, PROPOSED_MAX);
    let mut found: Vec<Found> = Vec::new();
    for person in met {
        found.push(Found::met(person));
    }
    for card in cards {
        // The name that the user gave somebody is theirs, whatever they call themselves.
        Found::add(
            &mut found,
            card.identity(),
            &card.address,
            &Safe::fixed("contact"),
            true,
        );
    }
    for one in told {
        if let Some(address) = one.address.proposal() {
            let person = Person::new(address);
            Found::add(
                &mut found,
                person.identity(),
                &person.address,
                &one.source,
                false,
            );
        }
    }
    // Sorting keeps the order of those who are known equally well.
    found.sort_by_key(|f| f.class);
    found.truncate(PROPOSED_MAX);
    found.into_iter().map(Found::completion).collect()
}

/// Somebody who fits, with all that is known of them.
struct Found {
    identity: String,
    address: Address,
    class: Standing,
    sources: Vec<Safe>,
}

impl Found {
    fn met(person: &Person) -> Self {
        let (class, source) = if person.sent > 0 {
            let last = ago(clock::now_secs(), person.last_sent_secs);
            (
                Standing::Written,
                format!("written to {}, {last}", times(person.sent)),
            )
        } else if person.is_automatic() {
            (Standing::Automatic, String::new())
        } else {
            (Standing::Wrote, format!("wrote {}", times(person.received)))
        };
        Self {
            identity: person.identity().to_owned(),
            address: person.address.clone(),
            class,
            sources: vec![Safe::line(&source)],
        }
    }

    fn add(found: &mut Vec<Self>, identity: &str, address: &Address, source: &Safe, is_card: bool) {
        let class = if is_card {
            Standing::Contact
        } else {
            Standing::Told
        };
        let Some(same) = found.iter_mut().find(|f| f.identity == identity) else {
            found.push(Self {
                identity: identity.to_owned(),
                address: address.clone(),
                class,
                sources: vec![source.clone()],
            });
            return;
        };
        same.class = same.class.min(class);
        if !address.name.is_empty() && (is_card || same.address.name.is_empty()) {
            same.address.name.clone_from(&address.name);
        }
        if !same.sources.contains(source) {
            same.sources.insert(0, source.clone());
        }
    }

    fn completion(self) -> Completion {
        let said: Vec<Safe> = self.sources.into_iter().filter(|s| !s.is_empty()).collect();
        Completion {
            address: self.address,
            source: Safe::join(&said, ", "),
        }
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// How long ago, roughly.
fn ago(now: i64, then: i64) -> String {
    let days = (now - then).max(0) / (24 * 3600);
    match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        2..=59 => format!("{days} days ago"),
        60..=729 => format!("{} months ago", days / 30),
        _ => format!("{} years ago", days / 365),
    }
}
