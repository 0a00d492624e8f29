//! Completion of addresses: who is known to the store and to files of contacts at once, then who
//! the slow sources know, merged.
//!
//! Asked by `dispatch`; kept up to date by `gather`. Must never make typing wait, and never propose
//! an address that cannot be sent to, or a name that holds more than a name.

use super::clock;
use crate::bus::{Completion, Event, RequestId, WritingEvent};
use crate::config;
use crate::model::{AccountKey, Address, Safe};
use crate::store::{People, Person};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// So many are proposed.
const PROPOSED_MAX: usize = 20;
/// How long mail that was not looked through yet is waited for.
const GATHERING_LIMIT: Duration = Duration::from_secs(2);

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
}

impl Directory {
    pub(crate) fn new(setup: config::Directory, own: Vec<String>) -> Arc<Self> {
        Arc::new(Self {
            setup,
            own,
            known: watch::Sender::new(Known::default()),
            wanted: Notify::new(),
        })
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
    answer.tell(&known, &[], true).await;
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
enum Class {
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
    class: Class,
    sources: Vec<Safe>,
}

impl Found {
    fn met(person: &Person) -> Self {
        let (class, source) = if person.sent > 0 {
            let last = ago(clock::now_secs(), person.last_sent_secs);
            (
                Class::Written,
                format!("written to {}, {last}", times(person.sent)),
            )
        } else if person.is_automatic() {
            (Class::Automatic, String::new())
        } else {
            (Class::Wrote, format!("wrote {}", times(person.received)))
        };
        Self {
            identity: person.identity().to_owned(),
            address: person.address.clone(),
            class,
            sources: vec![Safe::line(&source)],
        }
    }

    fn add(found: &mut Vec<Self>, identity: &str, address: &Address, source: &Safe, is_card: bool) {
        let class = if is_card { Class::Contact } else { Class::Told };
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
