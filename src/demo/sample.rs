//! The sample mail of `pillarbox demo`: four accounts, built from `assets/demo` for any day.
//!
//! Called by the demo and by tests that need believable mail. It reads no clock, and the same time
//! must always give the same bytes.

use super::letter::Builder;
use super::mailstore::Store;
use super::source::{Letter, Source, Written};
use crate::model::{FlagSet, Moment, Role};
use std::sync::Arc;

/// The sources, in the order of the sidebar.
pub(crate) const SOURCES: [&str; 4] = [
    include_str!("../../assets/demo/work.txt"),
    include_str!("../../assets/demo/home.txt"),
    include_str!("../../assets/demo/club.txt"),
    include_str!("../../assets/demo/old.txt"),
];

/// A message of the sample mail.
#[derive(Debug, Clone)]
pub struct SampleMessage {
    /// The exact bytes.
    pub raw: Vec<u8>,
    /// Its flags.
    pub flags: FlagSet,
    /// When it arrived.
    pub arrived: Moment,
}

/// A mailbox of the sample mail.
#[derive(Debug, Clone)]
pub struct SampleMailbox {
    /// Its full name.
    pub name: String,
    /// What it is for.
    pub role: Option<Role>,
    /// Its messages, oldest first.
    pub messages: Vec<SampleMessage>,
}

/// One account of the sample mail.
#[derive(Debug, Clone)]
pub struct SampleAccount {
    /// Its name in the configuration.
    pub name: String,
    /// The owner's address.
    pub address: String,
    /// The owner's name.
    pub full_name: String,
    /// The user name to log in with.
    pub user: String,
    /// Whether it is a maildrop (POP3): there is INBOX alone, and its flags are the client's.
    pub is_maildrop: bool,
    /// The mailboxes.
    pub mailboxes: Vec<SampleMailbox>,
    source: Arc<Source>,
    start_secs: i64,
}

/// The sample mail as if it were now that time.
#[must_use]
pub fn sample(now_secs: i64) -> Vec<SampleAccount> {
    let read = |text: &&str| account(Source::read(text), now_secs);
    SOURCES.iter().map(read).collect()
}

fn account(source: Source, now_secs: i64) -> SampleAccount {
    let builder = Builder {
        source: &source,
        start_secs: now_secs,
        now_secs,
    };
    let inbox = ("INBOX".to_owned(), Some(Role::Inbox));
    let mailboxes = std::iter::once(&inbox).chain(&source.mailboxes);
    let mailboxes = mailboxes
        .map(|(name, role)| {
            let is_here = |l: &&Letter| l.mailbox == *name && l.written != Written::Live;
            let letters = source.letters.iter().filter(is_here);
            let mut messages: Vec<SampleMessage> = letters.map(|l| message(&builder, l)).collect();
            messages.sort_by_key(|m| m.arrived.unix_secs);
            SampleMailbox {
                name: name.clone(),
                role: *role,
                messages,
            }
        })
        .collect();
    SampleAccount {
        name: source.fact("name").into(),
        address: source.fact("address").into(),
        full_name: source.fact("full-name").into(),
        user: source.fact("user").into(),
        is_maildrop: source.fact("protocol") == "pop3",
        mailboxes,
        start_secs: now_secs,
        source: Arc::new(source),
    }
}

fn message(builder: &Builder<'_>, letter: &Letter) -> SampleMessage {
    let written = builder.written(letter);
    SampleMessage {
        raw: builder.build(letter),
        flags: letter.flags.clone(),
        arrived: Moment {
            // The post takes a few seconds; the server is on the owner's clock.
            unix_secs: written.unix_secs + 3,
            offset_mins: builder.source.zone_mins(),
        },
    }
}

impl SampleAccount {
    /// Puts all of it into a store, every mailbox subscribed.
    pub fn fill(&self, store: &Store) {
        for mailbox in &self.mailboxes {
            store.create(&mailbox.name, mailbox.role);
            for message in &mailbox.messages {
                let flags = message.flags.clone();
                store.append(&mailbox.name, &message.raw, flags, message.arrived);
            }
        }
    }

    /// The letters that arrive while one looks: the place in the order of all accounts, and the id.
    pub(crate) fn live(&self) -> Vec<(u32, String)> {
        let all = self.source.letters.iter();
        all.filter(|l| l.written == Written::Live)
            .map(|l| {
                let digits = l.id.trim_start_matches(|c: char| !c.is_ascii_digit());
                (digits.parse().unwrap_or(u32::MAX), l.id.clone())
            })
            .collect()
    }

    /// One of these, as if it arrived at that time: its mailbox, and the message.
    pub(crate) fn arrive(&self, id: &str, now_secs: i64) -> Option<(String, SampleMessage)> {
        let letter = self.source.letter(id)?;
        let builder = Builder {
            source: &self.source,
            start_secs: self.start_secs,
            now_secs,
        };
        Some((letter.mailbox.clone(), message(&builder, letter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MessagePart, MimeHeaders};

    const NOW: i64 = 1_793_523_600;

    fn all() -> Vec<(String, SampleMessage)> {
        let mut all = Vec::new();
        for account in sample(NOW) {
            for mailbox in account.mailboxes {
                let name = format!("{}/{}", account.name, mailbox.name);
                all.extend(mailbox.messages.into_iter().map(|m| (name.clone(), m)));
            }
        }
        all
    }

    #[test]
    fn the_sources_have_no_mistakes() {
        for text in SOURCES {
            let source = Source::read(text);
            assert_eq!(source.mistakes, [], "{}", source.fact("name"));
            for letter in &source.letters {
                for key in ["attach", "related"] {
                    let names = letter.key(key).split(',').filter(|n| !n.is_empty());
                    for name in names {
                        let found = crate::demo::files::find(name.trim());
                        assert!(found.is_some(), "{}: {name}", letter.id);
                    }
                }
            }
        }
    }

    #[test]
    fn the_sample_is_as_large_and_as_mixed_as_promised() {
        let messages = all();
        assert!((150..=200).contains(&messages.len()), "{}", messages.len());
        let parser = MessageParser::default();
        let parsed: Vec<_> = messages
            .iter()
            .map(|(_, m)| parser.parse(&m.raw).unwrap())
            .collect();
        let count = |what: &dyn Fn(&mail_parser::Message<'_>) -> bool| {
            parsed.iter().filter(|m| what(m)).count()
        };
        assert!(count(&|m| m.attachment_count() > 0) >= 12);
        assert!(count(&|m| m.in_reply_to().as_text().is_some()) >= 60);
        assert!(count(&|m| m.header("List-Id").is_some()) >= 30);
        assert!(count(&|m| m.header("List-Unsubscribe").is_some()) >= 5);
        let html = |m: &mail_parser::Message<'_>| m.parts.iter().any(MessagePart::is_text_html);
        assert!(count(&html) >= 12);
        let kind = |m: &mail_parser::Message<'_>, wanted: &str| {
            m.parts
                .iter()
                .filter_map(MimeHeaders::content_type)
                .any(|c| {
                    format!(
                        "{}/{}",
                        c.c_type,
                        c.c_subtype.as_deref().unwrap_or_default()
                    ) == wanted
                })
        };
        for wanted in [
            "text/calendar",
            "message/delivery-status",
            "image/png",
            "application/pdf",
            "text/x-patch",
            "multipart/digest",
            "multipart/related",
            "multipart/alternative",
        ] {
            assert!(count(&|m| kind(m, wanted)) >= 1, "{wanted}");
        }
    }

    #[test]
    fn every_message_is_well_formed_and_reads_as_it_was_written() {
        let parser = MessageParser::default();
        for (name, message) in all() {
            let text = String::from_utf8_lossy(&message.raw);
            let parsed = parser.parse(&message.raw).unwrap();
            let id = parsed
                .message_id()
                .unwrap_or_else(|| panic!("{name}: {text}"));
            assert!(
                !text.replace("\r\n", "").contains(['\r', '\n']),
                "{id}: line ends"
            );
            let longest = text.lines().map(str::len).max().unwrap();
            assert!(longest < 990, "{id}: a line of {longest}");
            assert!(parsed.date().is_some() && parsed.from().is_some(), "{id}");
            assert!(!parsed.subject().unwrap_or_default().is_empty(), "{id}");
            for part in &parsed.parts {
                let body = part.text_contents().unwrap_or_default();
                assert!(!body.contains('\u{fffd}'), "{id}: {body}");
                assert!(
                    !body.contains("{@") && !body.contains("{quote}"),
                    "{id}: {body}"
                );
                assert!(!body.contains("&#"), "{id}: not in its charset: {body}");
            }
            // One letter has raw Latin-1 in its header on purpose.
            let is_raw = id.contains(".raw1@");
            let is_clean = !parsed.subject().unwrap().contains(['\u{fffd}', '{']);
            assert!(is_clean != is_raw, "{id}");
        }
    }

    #[test]
    fn replies_come_after_what_they_answer_and_nothing_from_the_future() {
        let mut dates = std::collections::BTreeMap::new();
        let parser = MessageParser::default();
        let messages = all();
        for (_, message) in &messages {
            let parsed = parser.parse(&message.raw).unwrap();
            let date = parsed.date().unwrap().to_timestamp();
            assert!(date < NOW, "{}", parsed.message_id().unwrap());
            let id = parsed.message_id().unwrap().to_owned();
            assert_eq!(dates.insert(id.clone(), date), None, "{id} is there twice");
        }
        for (_, message) in &messages {
            let parsed = parser.parse(&message.raw).unwrap();
            if let Some(before) = parsed.in_reply_to().as_text() {
                let date = parsed.date().unwrap().to_timestamp();
                assert!(date > dates[before], "{}", parsed.message_id().unwrap());
            }
        }
    }

    #[test]
    fn other_scripts_and_charsets_come_out_right() {
        let parser = MessageParser::default();
        let messages = all();
        let text = |words: &str| {
            messages.iter().any(|(_, m)| {
                let parsed = parser.parse(&m.raw).unwrap();
                let body = parsed.body_text(0).unwrap_or_default().into_owned();
                body.contains(words) || parsed.subject().unwrap_or_default().contains(words)
            })
        };
        for words in [
            "いつもお世話になっております",
            "早速のお見積り",
            "تحية طيبة وبعد",
            "Вопрос по формату данных",
            "Ευχαριστίες για το σεμινάριο",
            "好久不见",
            "étalonnage compris",
            "🎻",
        ] {
            assert!(text(words), "{words}");
        }
        let charset = |label: &str| {
            let needle = format!("charset={label}");
            messages
                .iter()
                .any(|(_, m)| String::from_utf8_lossy(&m.raw).contains(&needle))
        };
        for label in [
            "iso-2022-jp",
            "shift_jis",
            "windows-1256",
            "koi8-r",
            "iso-8859-7",
            "gb18030",
        ] {
            assert!(charset(label), "{label}");
        }
    }

    #[test]
    fn only_reserved_domains_are_named() {
        let is_reserved = |domain: &str| {
            let last = domain.rsplit('.').next().unwrap_or_default();
            matches!(last, "example" | "test")
                || ["example.org", "example.com", "example.net"]
                    .iter()
                    .any(|d| domain == *d || domain.ends_with(&format!(".{d}")))
        };
        for text in SOURCES {
            let text = text.replace("{@", "{");
            let words = text.split(|c: char| !(c.is_alphanumeric() || "@.-_%/:".contains(c)));
            for word in words {
                let after = word.split_once('@').map(|(_, d)| d);
                let host = word.split_once("://").map(|(_, h)| h);
                let Some(domain) = after.or(host) else {
                    continue;
                };
                let domain = domain.split(['/', ':', '%']).next().unwrap_or_default();
                let domain = domain.trim_end_matches('.');
                // 198.51.100.0/24 is for documentation (RFC 5737); `@@` stands in patches.
                let is_fine =
                    !domain.contains(char::is_alphabetic) || domain.starts_with("198.51.100.");
                assert!(is_fine || is_reserved(domain), "{word}");
            }
        }
    }

    #[test]
    fn the_same_time_gives_the_same_bytes() {
        let bytes = |now| {
            let all = sample(now).into_iter().flat_map(|a| a.mailboxes);
            all.flat_map(|m| m.messages)
                .map(|m| m.raw)
                .collect::<Vec<_>>()
        };
        assert_eq!(bytes(NOW), bytes(NOW));
        assert_ne!(bytes(NOW), bytes(NOW + 86_400));
    }
}
