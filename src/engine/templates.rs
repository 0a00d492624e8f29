//! Templates: texts that the user keeps as files beside the configuration.
//!
//! Called by `drafts`. A file gives values, never header lines: only the fields named here are taken,
//! each as the composer would take it from the keyboard.

use super::drafts::{Begun, Drafts, Refused, plain};
use crate::mime;
use crate::model::{Draft, Recipients, Safe};
use std::io::Read as _;
use std::path::{Component, Path};

/// A longer file is no template.
const SIZE_MAX: u64 = 1024 * 1024;
/// What a name may end with beside itself.
const ENDINGS: [&str; 4] = ["", ".txt", ".md", ".eml"];

impl Drafts {
    /// A draft that begins with a file of the folder of templates.
    pub(super) async fn template(&self, name: &str) -> Result<Begun, Refused> {
        let is_plain = matches!(
            Path::new(name).components().collect::<Vec<_>>().as_slice(),
            [Component::Normal(_)]
        );
        if !is_plain {
            return Err(Refused::Said(format!("{name:?} is no name of a template")));
        }
        let mut draft = self.blank(None)?;
        let (folder, name) = (self.templates.clone(), name.to_owned());
        let text = tokio::task::spawn_blocking(move || read(&folder, &name))
            .await
            .unwrap_or_else(|_| Err("the template cannot be read".to_owned()))
            .map_err(Refused::Said)?;
        let ignored = fill(&mut draft, &text);
        let mut notes = Vec::new();
        if !ignored.is_empty() {
            let names = ignored.join(", ");
            let text = format!("The template also has {names}: left out.");
            notes.push(Safe::line(&text));
        }
        Ok(Begun {
            notes,
            ..plain(draft)
        })
    }
}

fn read(folder: &Path, name: &str) -> Result<String, String> {
    let found = ENDINGS
        .iter()
        .map(|end| folder.join(format!("{name}{end}")))
        .find(|path| path.is_file());
    let Some(path) = found else {
        return Err(format!(
            "there is no template {name:?} in {}",
            folder.display()
        ));
    };
    let cannot = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(&path).map_err(cannot)?;
    file.take(SIZE_MAX + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    if text.len() as u64 > SIZE_MAX {
        return Err(format!("{} is too long for a template", path.display()));
    }
    Ok(text)
}

/// Takes the values of the lines in front, and the text behind them. A file without such lines is
/// all text. Names of fields that were not taken are returned.
fn fill(draft: &mut Draft, file: &str) -> Vec<String> {
    let file = file.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut ignored = Vec::new();
    let (mut subject, mut to, mut cc, mut bcc) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut rest = file.as_str();
    while let Some((line, behind)) = rest.split_once('\n').or(Some((rest, "")))
        && let Some((name, value)) = field(line)
    {
        match name.to_ascii_lowercase().as_str() {
            "subject" => subject.push(value),
            "to" => to.push(value),
            "cc" => cc.push(value),
            "bcc" => bcc.push(value),
            _ => ignored.push(name.to_owned()),
        }
        rest = behind;
    }
    let taken = subject.len() + to.len() + cc.len() + bcc.len();
    if taken == 0 {
        // A first line such as "Note: …" is text.
        ignored.clear();
        rest = &file;
    } else {
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    let people = |values: &[&str]| Recipients::read(&values.join(", "));
    draft.subject = subject.join(" ");
    (draft.to, draft.cc, draft.bcc) = (people(&to), people(&cc), people(&bcc));
    draft.body = mime::with_signature(rest, &draft.identity.signature);
    ignored
}

/// The name and the value of a line such as `Subject: Hello`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_name.then(|| (name, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::{Composer, EightBit, How, NoContents, Purpose, Stamp};
    use crate::model::{AccountKey, Address, DraftKind, Identity, Moment};
    use proptest::prelude::*;

    fn filled(file: &str) -> (Draft, Vec<String>) {
        let identity = Identity {
            account: AccountKey(1),
            address: Address {
                name: "Ann".to_owned(),
                address: "ann@example.org".to_owned(),
            },
            signature: "Ann".to_owned(),
        };
        let mut draft = Draft::new(DraftKind::New, identity);
        let ignored = fill(&mut draft, file);
        (draft, ignored)
    }

    #[test]
    fn a_template_gives_recipients_a_subject_and_a_text() {
        let file = "To: Bo <bo@example.net>\r\ncc: cy@example.net\nBcc: d@x.org\n\
             Subject: Weekly: report\nX-Mailer: me\n\nHi Bo,\n\nall is well.\n";
        let (draft, ignored) = filled(file);
        assert_eq!(draft.to.typed(), "Bo <bo@example.net>");
        assert_eq!(draft.cc.typed(), "cy@example.net");
        assert_eq!(draft.bcc.typed(), "d@x.org");
        assert_eq!(draft.subject, "Weekly: report");
        assert_eq!(draft.body, "Hi Bo,\n\nall is well.\n\n-- \nAnn\n");
        assert_eq!(ignored, ["X-Mailer"]);
    }

    #[test]
    fn a_file_without_fields_is_all_text() {
        for text in [
            "Dear all,\nSubject: no\n",
            "\nSubject: no\n",
            "Note: this stays\n",
        ] {
            let (draft, ignored) = filled(text);
            assert_eq!(draft.subject, "");
            assert!(draft.body.starts_with(text.trim_end()), "{draft:?}");
            assert!(ignored.is_empty());
        }
        let (draft, _) = filled("Subject: only");
        assert_eq!((draft.subject.as_str(), draft.own_text()), ("only", ""));
        let (draft, _) = filled("Subject: a\ntext at once\n");
        assert_eq!(
            (draft.subject.as_str(), draft.own_text()),
            ("a", "text at once")
        );
    }

    proptest! {
        /// Whatever stands in a template, the message has the composer's fields and no other.
        #[test]
        fn a_template_cannot_add_a_field(
            to in "[a-z,@<>\"\r\n\t :;.\u{0}\u{85}\u{2028}ü]{0,40}",
            subject in "[A-Za-z:\r\n\t \u{0}\u{b}\u{85}\u{2028}ü=?]{0,60}",
            more in "(Bcc|X-Evil|Content-Type|Resent-To|From): [a-z@\r\n :.]{0,20}",
        ) {
            let (draft, _) = filled(&format!("Subject: {subject}\nTo: {to}\n{more}\n\nText\n"));
            let how = How {
                purpose: Purpose::Keeping,
                eight_bit: EightBit::WhereNeeded,
                stamp: Stamp { date: Moment::default(), token: [1; 16] },
            };
            let mut out = Vec::new();
            Composer::new(&draft, how).write(&mut NoContents, &mut out).unwrap();
            let text = String::from_utf8_lossy(&out).into_owned();
            let head = text.split("\r\n\r\n").next().unwrap_or_default();
            let known = ["Date", "From", "To", "Cc", "Bcc", "Subject", "Message-ID", "MIME-Version",
                "Content-Type", "Content-Transfer-Encoding"];
            let mut seen = Vec::new();
            for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
                let name = line.split(':').next().unwrap_or_default();
                prop_assert!(known.contains(&name), "{head}");
                prop_assert!(!seen.contains(&name), "twice: {head}");
                seen.push(name);
            }
            prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "{head:?}");
            prop_assert!(text.contains("From: \"Ann\" <ann@example.org>") || text.contains("From: Ann <ann@example.org>"));
        }
    }
}
