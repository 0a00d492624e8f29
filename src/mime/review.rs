//! What a person would want to be asked before a draft is sent.
//!
//! Called by `app` for the review screen. Each finding is a question, never a refusal: what cannot
//! be sent at all is said by `compose`.

use super::quote::FORWARD_MARK;
use crate::model::{Draft, DraftKind, wire_address};
use std::collections::BTreeSet;

/// More recipients are asked about.
const RECIPIENTS_MANY: usize = 20;

/// A question about a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The text speaks of an attachment, and there is none.
    NoAttachment {
        /// The word that does.
        word: String,
    },
    /// There is no subject.
    NoSubject,
    /// It goes to many people.
    ManyRecipients {
        /// So many.
        count: usize,
    },
    /// Nobody at that host was ever written to or heard of.
    NewHost {
        /// The host, as A-labels.
        host: String,
    },
}

/// Looks at a draft. `is_known` says whether there was ever mail from or to a host, given as
/// A-labels in lower case.
#[must_use]
pub fn review(draft: &Draft, is_known: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    if draft.kind != DraftKind::Bounce {
        if draft.subject.trim().is_empty() {
            found.push(Finding::NoSubject);
        }
        if draft.attachments.is_empty()
            && let Some(word) = names_attachment(&draft.subject, &draft.body)
        {
            found.push(Finding::NoAttachment { word });
        }
    }
    let fields = [&draft.to, &draft.cc, &draft.bcc];
    let addresses: BTreeSet<String> = fields
        .iter()
        .flat_map(|field| field.valid())
        .map(|address| wire_address(&address.address).to_lowercase())
        .collect();
    if addresses.len() > RECIPIENTS_MANY {
        let count = addresses.len();
        found.push(Finding::ManyRecipients { count });
    }
    let hosts: BTreeSet<&str> = addresses
        .iter()
        .filter_map(|address| address.rsplit_once('@'))
        .map(|(_, host)| host)
        .collect();
    let new = hosts.into_iter().filter(|host| !is_known(host));
    found.extend(new.map(|host| Finding::NewHost {
        host: host.to_owned(),
    }));
    found
}

/// The word of the writer's own text that speaks of an attachment.
fn names_attachment(subject: &str, body: &str) -> Option<String> {
    let lines = body.lines();
    let own = lines
        .take_while(|line| *line != "-- " && *line != FORWARD_MARK)
        .filter(|line| !line.starts_with('>'));
    std::iter::once(subject).chain(own).find_map(|line| {
        let lower = line.to_lowercase();
        let is_in = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’');
        let mut words = lower.split(|c| !is_in(c)).filter(|word| !word.is_empty());
        let stem = |word: &&str| STEMS.iter().any(|stem| word.starts_with(stem));
        let word = words.find(stem).map(str::to_owned);
        word.or_else(|| {
            let phrase = PHRASES.iter().find(|phrase| lower.contains(*phrase));
            phrase.map(|phrase| (*phrase).to_owned())
        })
    })
}

/// Beginnings of words that speak of attachments.
const STEMS: [&str; 42] = [
    // English
    "attached",
    "attachment",
    "attaching",
    "enclosed",
    // German
    "anhang",
    "anhänge",
    "angehängt",
    "anbei",
    "beigefügt",
    "beiliegend",
    // French
    "ci-joint",
    // Spanish, Portuguese, Catalan, Italian
    "adjunt",
    "anexo",
    "anexad",
    "anexei",
    "allegat",
    // Dutch
    "bijlage",
    "bijgevoegd",
    "bijgesloten",
    // Swedish, Danish, Norwegian, Finnish
    "bifog",
    "bilaga",
    "bilagor",
    "vedhæft",
    "vedlagt",
    "vedlegg",
    "liitteenä",
    "liitteet",
    "oheis",
    // Polish, Czech, Hungarian, Romanian
    "załącz",
    "příloh",
    "přikládám",
    "mellékel",
    "csatol",
    "ataşat",
    "atașat",
    // Russian, Ukrainian, Greek
    "вложени",
    "прикреп",
    "прилага",
    "вкладен",
    "долуча",
    "επισυν",
    "συνημμ",
];

/// What is looked for anywhere: several words, and scripts without blanks.
const PHRASES: [&str; 11] = [
    "pièce jointe",
    "pièces jointes",
    "piece jointe",
    "je joins",
    "em anexo",
    "ekte bulabilirsiniz",
    "ekli dosya",
    "添付",
    "附件",
    "첨부",
    "i attach ",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::compose_tests_support::draft;
    use crate::model::{Attached, Content, Recipients};

    fn plain(body: &str) -> Draft {
        let mut draft = draft();
        draft.to = Recipients::read("bo@y.org");
        draft.subject = "Hi".to_owned();
        draft.body = body.to_owned();
        draft
    }

    fn asks_for_file(body: &str) -> bool {
        let found = review(&plain(body), |_| true);
        found
            .iter()
            .any(|f| matches!(f, Finding::NoAttachment { .. }))
    }

    #[test]
    fn a_text_that_speaks_of_an_attachment_is_asked_about_in_many_languages() {
        for body in [
            "See the attached file.",
            "I attach the report",
            "Anbei der Bericht",
            "im Anhang findest du",
            "Veuillez trouver ci-joint",
            "voir la pièce jointe",
            "Te adjunto el informe",
            "In allegato trovi",
            "segue em anexo",
            "zie bijlage",
            "se bifogad fil",
            "vedlagt følger",
            "W załączniku",
            "v příloze: příloha",
            "во вложении",
            "添付ファイルをご覧ください",
            "请见附件。",
            "첨부 파일",
        ] {
            assert!(asks_for_file(body), "{body}");
        }
        for body in [
            "Hello",
            "",
            "ok\n-- \nattached",
            "> attached\nno",
            "ok\n\n---------- Forwarded message ----------\nattached",
        ] {
            assert!(!asks_for_file(body), "{body}");
        }
        let mut with_file = plain("attached");
        with_file.attachments.push(Attached {
            content: Content::Bytes(Vec::new()),
            name: String::new(),
            mime_type: String::new(),
            charset: String::new(),
            size_bytes: None,
        });
        assert_eq!(review(&with_file, |_| true), []);
    }

    #[test]
    fn subject_crowds_and_strangers_are_asked_about() {
        let mut draft = plain("x");
        draft.subject = "  ".to_owned();
        draft.cc = Recipients::read("a@bücher.de, b@Bücher.de, half");
        let asked = std::cell::RefCell::new(Vec::new());
        let found = review(&draft, |host| {
            asked.borrow_mut().push(host.to_owned());
            host == "y.org"
        });
        let host = "xn--bcher-kva.de".to_owned();
        assert_eq!(found, [Finding::NoSubject, Finding::NewHost { host }]);
        assert_eq!(asked.into_inner(), ["xn--bcher-kva.de", "y.org"]);
        let many: Vec<String> = (0..30).map(|n| format!("p{n}@y.org")).collect();
        draft.subject = "x".to_owned();
        draft.cc = Recipients::default();
        draft.bcc = Recipients::read(&many.join(","));
        let found = review(&draft, |_| true);
        assert_eq!(found, [Finding::ManyRecipients { count: 31 }]);
    }

    #[test]
    fn a_bounce_has_no_words_of_its_own() {
        let mut draft = plain("attached");
        draft.kind = DraftKind::Bounce;
        draft.subject.clear();
        assert_eq!(review(&draft, |_| true), []);
    }
}
