//! The engine's desk of a scene: drafts, the outbox, addresses and files that are made up.
//!
//! Used by `peer`. It answers like the engine: a draft is kept only when it says so.

use crate::bus::{
    Completion, Event, KeptDraft, PathItem, Problem, RequestId, Review, ReviewNote, WritingCommand,
    WritingEvent,
};
use crate::model::{
    AccountKey, Address, Attached, Caret, Content, Draft, DraftField, DraftKey, DraftKind,
    DraftStart, Identity, Moment, OutboxItem, OutboxKey, OutboxRecipient, OutboxState,
    RecipientState, Recipients, Safe, SendWhen,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) fn identity(account: i64, name: &str, address: &str, signature: &str) -> Identity {
    Identity {
        account: AccountKey(account),
        address: Address {
            name: name.to_owned(),
            address: address.to_owned(),
        },
        signature: signature.to_owned(),
    }
}

/// What is written and sent.
pub(crate) struct Desk {
    pub(crate) identities: Vec<Identity>,
    pub(crate) drafts: BTreeMap<DraftKey, (Draft, Caret)>,
    pub(crate) outbox: Vec<OutboxItem>,
    pub(crate) kept: Vec<KeptDraft>,
    /// What the review says.
    pub(crate) notes: Vec<ReviewNote>,
    /// What a new draft begins with.
    pub(crate) body: String,
    /// Whether it says that drafts are kept.
    pub(crate) is_keeping: bool,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            identities: vec![
                identity(1, "Ann Example", "ann@work.example", "Ann"),
                identity(1, "A. E.", "a.e@work.example", "A. E.\nLaunch Office"),
            ],
            drafts: BTreeMap::new(),
            outbox: Vec::new(),
            kept: Vec::new(),
            notes: Vec::new(),
            body: String::new(),
            is_keeping: true,
        }
    }
}

const REPLY: &str = "\n\nOn 10 April 2026 Alice Johnson wrote:\n> Hey, just a short follow-up on the timeline we spoke about: the venue is booked.\n>\n>> Do we have a date?\n\n-- \nAnn\n";

const FORWARD: &str = "\n\n---------- Forwarded message ----------\nFrom: Alice Johnson <alice@example.com>\nSubject: Q2 launch plan\n\nHey, the venue is booked.\n\n-- \nAnn\n";

impl Desk {
    /// What the engine says to a command.
    pub(crate) fn answer(&mut self, command: &WritingCommand) -> Vec<Event> {
        let event = match command {
            WritingCommand::Open { request, start } => self.open(*request, start),
            WritingCommand::TakeBack { request, item } => {
                let found = self.outbox.iter().position(|i| i.key == *item);
                let key = found.and_then(|at| self.outbox.remove(at).draft);
                self.opened(*request, key.unwrap_or(DraftKey(1)))
            }
            WritingCommand::Keep {
                key,
                draft,
                caret,
                revision,
            } if self.is_keeping => {
                self.drafts.insert(*key, ((**draft).clone(), *caret));
                WritingEvent::Kept {
                    key: *key,
                    revision: *revision,
                }
            }
            WritingCommand::Discard { request, key } => WritingEvent::Discarded {
                request: *request,
                key: *key,
            },
            WritingCommand::Review { request, key } => self.review(*request, *key),
            WritingCommand::Send { request, key, when } => self.send(*request, *key, *when),
            WritingCommand::LoadOutbox { request } => WritingEvent::Outbox {
                request: *request,
                items: self.outbox.clone(),
                drafts: self.kept.clone(),
            },
            WritingCommand::Cancel { request, item } => {
                self.outbox.retain(|i| i.key != *item);
                WritingEvent::Cancelled {
                    request: *request,
                    label: Safe::fixed("Taken out of the outbox; the draft is kept"),
                }
            }
            WritingCommand::Complete { request, typed, .. } => complete(*request, typed),
            WritingCommand::ListPaths { request, typed } => paths(*request, typed),
            WritingCommand::Attach { request, path } => return vec![attach(*request, path)],
            _ => return Vec::new(),
        };
        vec![Event::Writing(event)]
    }

    fn open(&mut self, request: RequestId, start: &DraftStart) -> WritingEvent {
        let next = self.drafts.len() + 1;
        let key = DraftKey(i64::try_from(next).unwrap());
        let mut draft = Draft::new(DraftKind::New, self.identities[0].clone());
        let mut caret = Caret::default();
        draft.body.clone_from(&self.body);
        match start {
            DraftStart::Kept(key) => return self.opened(request, *key),
            DraftStart::Reply(placed) | DraftStart::ReplyAll(placed) => {
                draft.kind = DraftKind::Reply;
                draft.to = Recipients::read("Alice Johnson <alice@example.com>");
                draft.subject = "Re: Q2 launch plan".to_owned();
                draft.body = REPLY.to_owned();
                draft.original = Some(placed.message);
                caret.field = DraftField::Body;
            }
            DraftStart::Forward(_) => {
                draft.kind = DraftKind::Forward;
                draft.subject = "Fwd: Q2 launch plan".to_owned();
                draft.body = FORWARD.to_owned();
            }
            DraftStart::ForwardAttached(_) => {
                draft.kind = DraftKind::Forward;
                draft.subject = "Fwd: Q2 launch plan".to_owned();
                draft.attachments = vec![Attached {
                    content: Content::Bytes(vec![b'x'; 2_300]),
                    name: "Q2 launch plan.eml".to_owned(),
                    mime_type: "message/rfc822".to_owned(),
                    charset: String::new(),
                    size_bytes: Some(2_300),
                }];
            }
            DraftStart::Bounce(_) => draft.kind = DraftKind::Bounce,
            _ => {}
        }
        self.drafts.insert(key, (draft, caret));
        self.opened(request, key)
    }

    fn draft(&self, key: DraftKey) -> (Draft, Caret) {
        let none = || Draft::new(DraftKind::New, self.identities[0].clone());
        let kept = self.drafts.get(&key).cloned();
        kept.unwrap_or_else(|| (none(), Caret::default()))
    }

    fn opened(&self, request: RequestId, key: DraftKey) -> WritingEvent {
        let (draft, caret) = self.draft(key);
        WritingEvent::Opened {
            request,
            key,
            draft: Box::new(draft),
            caret,
            identities: self.identities.clone(),
            notes: Vec::new(),
        }
    }

    fn review(&self, request: RequestId, key: DraftKey) -> WritingEvent {
        let (draft, _) = self.draft(key);
        let all = draft
            .to
            .valid()
            .chain(draft.cc.valid())
            .chain(draft.bcc.valid());
        let mut parts = vec![Safe::fixed("text")];
        parts.extend(draft.attachments.iter().map(|a| Safe::line(&a.name)));
        WritingEvent::Reviewed {
            request,
            review: Box::new(Review {
                recipients: all.map(|a| Safe::line(&a.to_string())).collect(),
                size_bytes: 1_830,
                server: Safe::fixed("smtp.work.example, encrypted"),
                parts,
                notes: self.notes.clone(),
                crypto: Err(Safe::fixed("there is no key for ann@work.example")),
                undo_secs: 5,
            }),
        }
    }

    fn send(&mut self, request: RequestId, key: DraftKey, when: SendWhen) -> WritingEvent {
        let item = OutboxKey(7);
        self.outbox.push(OutboxItem {
            draft: Some(key),
            ..message(7, "Re: Q2 launch plan", OutboxState::Held)
        });
        let label = match when {
            SendWhen::Now => "To be sent in 5 seconds",
            SendWhen::At(_) => "To be sent tomorrow at 08:00",
        };
        WritingEvent::Queued {
            request,
            item,
            label: Safe::fixed(label),
        }
    }
}

/// A message in the outbox.
pub(crate) fn message(key: i64, subject: &str, state: OutboxState) -> OutboxItem {
    let recipient = |address: &str| OutboxRecipient {
        address: Safe::line(address),
        state: RecipientState::Due,
        said: Safe::default(),
    };
    OutboxItem {
        key: OutboxKey(key),
        account: AccountKey(1),
        draft: Some(DraftKey(key)),
        subject: Safe::line(subject),
        recipients: vec![
            recipient("alice@example.com"),
            recipient("dave@example.com"),
        ],
        state,
        attempts: 0,
        error: Safe::default(),
        not_before: None,
        created: Moment {
            unix_secs: super::NOW - 600,
            offset_mins: 0,
        },
        size_bytes: 2_000_000,
        sent_bytes: 0,
    }
}

fn complete(request: RequestId, typed: &str) -> WritingEvent {
    let people = [
        ("Alice Johnson", "alice@example.com", "written to 12 times"),
        ("Alan Turing", "alan@example.org", "vCard"),
        ("日本 太郎", "taro@example.jp", ""),
    ];
    let fits = |p: &&(&str, &str, &str)| p.0.to_lowercase().contains(&typed.to_lowercase());
    WritingEvent::Completions {
        request,
        items: people
            .iter()
            .filter(fits)
            .map(|(name, address, source)| Completion {
                address: Address {
                    name: (*name).to_owned(),
                    address: (*address).to_owned(),
                },
                source: Safe::line(source),
            })
            .collect(),
        is_final: true,
    }
}

fn paths(request: RequestId, typed: &str) -> WritingEvent {
    let item = |path: &str, is_folder, size_bytes| PathItem {
        path: PathBuf::from(path),
        name: Safe::line(path.rsplit('/').next().unwrap()),
        is_folder,
        size_bytes,
    };
    let all = [
        item("/home/ann/plans", true, 0),
        item("/home/ann/plan.pdf", false, 120_400),
        item("/home/ann/notes.txt", false, 900),
    ];
    WritingEvent::Paths {
        request,
        items: all
            .into_iter()
            .filter(|i| i.path.to_str().unwrap().starts_with(typed))
            .collect(),
    }
}

fn attach(request: RequestId, path: &Path) -> Event {
    if path.extension().is_none() {
        return Event::Failed {
            request,
            problem: Problem {
                account: None,
                summary: Safe::line(&format!("{} is no file", path.display())),
                hint: Safe::default(),
            },
        };
    }
    Event::Writing(WritingEvent::Attached {
        request,
        attached: Attached {
            content: Content::Path(path.to_owned()),
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            mime_type: "application/pdf".to_owned(),
            charset: String::new(),
            size_bytes: Some(120_400),
        },
    })
}
