//! A message as a person reads it: headers, styled lines, links and attachments, all clean.
//!
//! Made by `mime::render`, kept by `app`, drawn by `ui`. Every text in it is [`Safe`].

use super::{Card, Holds, PartId, Safe};

/// How a span is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Emphasis {
    /// Strong.
    pub is_bold: bool,
    /// Emphasised.
    pub is_italic: bool,
    /// Underlined by the sender.
    pub is_underlined: bool,
    /// Struck out.
    pub is_struck: bool,
    /// Code or preformatted.
    pub is_code: bool,
    /// A placeholder of ours (a picture that is not shown), not the sender's words.
    pub is_ours: bool,
}

/// A run of text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// The text.
    pub text: Safe,
    /// How it is set off.
    pub emphasis: Emphasis,
    /// The index into [`Reading::links`] that it belongs to.
    pub link: Option<usize>,
    /// The index into [`Reading::pictures`] of the picture that it stands for.
    pub picture: Option<usize>,
}

impl Span {
    /// How many columns a span gives up for the number of the link before it: where it is nothing
    /// but the space between two columns, so that these stay where they are.
    #[must_use]
    pub fn blank_after_number(&self, number_cols: u16) -> u16 {
        let text = self.text.as_str();
        if text.len() < 2 || text.bytes().any(|b| b != b' ') {
            return 0;
        }
        let most = u16::try_from(text.len() - 1).unwrap_or(u16::MAX);
        number_cols.min(most)
    }
}

/// Where the bytes of a picture are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureSource {
    /// In this part of the message.
    Part(PartId),
    /// On somebody's server: an http or https address that nobody may ask unless the user says so.
    Remote(String),
    /// In the text itself: a `data:` address.
    Inline(String),
}

impl PictureSource {
    /// Its address on the web, if that is where it is.
    #[must_use]
    pub fn remote(&self) -> Option<&str> {
        match self {
            Self::Remote(url) => Some(url),
            Self::Part(_) | Self::Inline(_) => None,
        }
    }
}

/// A picture that belongs into the text, where a placeholder stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where its bytes are.
    pub source: PictureSource,
    /// What the sender says it shows; may be empty.
    pub alt: Safe,
    /// The width that the sender wants it to have, if they say so.
    pub width_px: Option<u32>,
    /// The height that the sender wants it to have, if they say so.
    pub height_px: Option<u32>,
}

impl Picture {
    /// Smaller ones are signs among words, not pictures.
    pub const WORTH_PX: u32 = 32;

    /// Whether it is large enough, as far as is known, to stand on lines of its own.
    #[must_use]
    pub fn is_worth_showing(&self) -> bool {
        let is_large = |side: Option<u32>| side.is_none_or(|px| px >= Self::WORTH_PX);
        is_large(self.width_px) && is_large(self.height_px)
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineKind {
    /// Ordinary text.
    #[default]
    Text,
    /// A heading.
    Heading,
    /// Part of the signature (after `-- `).
    Signature,
    /// A rule across the text.
    Rule,
    /// A note of ours, such as what could not be shown.
    Note,
    /// What holds of all that follows, up to the next one: signed, decrypted, or neither. Only we make
    /// such lines, and `ui` draws them where no text of a message can reach.
    Frame,
}

/// One line of the text, already wrapped to the width that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// How deep it is quoted; the quote marks are not part of the spans.
    pub quote: u8,
    /// What it is.
    pub kind: LineKind,
    /// Its text.
    pub spans: Vec<Span>,
}

impl Line {
    /// Deeper quotes have no more marks than this.
    pub const QUOTE_MARKS_MAX: u8 = 5;

    /// The columns that the marks of a quote take on the screen, beside the text.
    #[must_use]
    pub fn quote_cols(quote: u8) -> usize {
        2 * usize::from(quote.min(Self::QUOTE_MARKS_MAX))
    }
}

/// A link in the text. Its number on the screen is its index plus one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, as shown.
    pub shown: Safe,
    /// Where it leads, exactly; only for opening and copying, never for the screen.
    pub target: String,
    /// The host it leads to, as shown (A-label where scripts are mixed); empty if there is none.
    pub host: Safe,
    /// Where it leads on to from there, as far as the address tells: host and path, as shown; empty if
    /// it does not tell.
    pub onward: Safe,
    /// The words that carry it.
    pub text: Safe,
}

impl Link {
    /// Whether the words that carry the link name another host than the one it leads to, which is
    /// how people are led astray.
    #[must_use]
    pub fn names_other_host(&self) -> bool {
        let words = self.text.as_str().to_lowercase();
        let host = self.host.as_str().trim_start_matches("www.");
        words.split_whitespace().any(|word| {
            let word = word.split_once("://").map_or(word, |(_, rest)| rest);
            let named = word
                .split(['/', '?', '#', ':'])
                .next()
                .unwrap_or(word)
                .trim_matches(|c: char| !c.is_alphanumeric());
            let named = named.trim_start_matches("www.");
            let is_host = named.rsplit_once('.').is_some_and(|(rest, top)| {
                !rest.is_empty() && top.len() > 1 && top.chars().all(char::is_alphabetic)
            });
            let is_same = named == host
                || host
                    .strip_suffix(named)
                    .is_some_and(|rest| rest.ends_with('.'));
            is_host && !word.contains('@') && !host.is_empty() && !is_same
        })
    }
}

/// A part that is listed as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its address.
    pub part: PartId,
    /// Its name as shown; made up from its type where it has none.
    pub name: Safe,
    /// `type/subtype`.
    pub mime_type: Safe,
    /// Its size in bytes, decoded where known, else as transferred.
    pub size_bytes: u64,
    /// What does not hold of it that holds of the rest of its message: `not signed` or `not encrypted`;
    /// mostly empty.
    pub outside: &'static str,
}

impl Attachment {
    /// Whether it can be read as a message of its own.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        Holds::of(self.mime_type.as_str(), self.name.as_str()).is_some()
    }
}

/// A text that the sender hides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HiddenText {
    /// The line of [`Reading::body`] before which it stands, as long as none is shown.
    pub at: usize,
    /// It, as lines of notes.
    pub lines: Vec<Line>,
}

/// A message made readable for one width.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The few headers a reader wants: From, To, Cc, Date, Subject, in this order.
    pub headers: Vec<(Safe, Safe)>,
    /// The moment that the Date header names, in seconds since 1970.
    pub date_secs: Option<i64>,
    /// All headers in the order of the message.
    pub all_headers: Vec<(Safe, Safe)>,
    /// The text.
    pub body: Vec<Line>,
    /// The links in it.
    pub links: Vec<Link>,
    /// The pictures that have a place in it.
    pub pictures: Vec<Picture>,
    /// Its attachments.
    pub attachments: Vec<Attachment>,
    /// Whether the text shown was made from HTML.
    pub is_html: bool,
    /// Whether the message has the other form too, so that `=` can switch.
    pub has_other_form: bool,
    /// The address of the one sender; empty where there is none or more than one.
    pub sender: Safe,
    /// Whether the user said that this sender's pictures are loaded.
    pub is_sender_allowed: bool,
    /// How many remote pictures are there only to tell the sender that the message was opened.
    pub trackers: u32,
    /// How many texts the sender hides from whoever reads.
    pub hidden_texts: u32,
    /// These texts, as far as they were kept.
    pub hidden: Vec<HiddenText>,
    /// Whether they stand in the text, at the user's wish.
    pub shows_hidden: bool,
    /// The width in columns that the lines were wrapped to.
    pub width: u16,
    /// What is to be said of it in our own frame.
    pub cards: Vec<Card>,
    /// How the rest stands, where this is the header alone.
    pub rest: super::Rest,
    /// How large all of it is then, in bytes.
    pub rest_bytes: u64,
    /// Whether its files are here, too, and need not be fetched.
    pub has_files: bool,
    /// Whether the text was encrypted.
    pub is_decrypted: bool,
}

impl Reading {
    /// The message as plain text: the few headers, an empty line, and the text with marks of quotes.
    #[must_use]
    pub fn in_plain(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out.push_str(&format_header(name.as_str(), value.as_str()));
        }
        out.push('\n');
        for line in &self.body {
            out.push_str(line.in_plain().trim_end());
            out.push('\n');
        }
        out
    }
}

impl Line {
    /// The line as plain text, with `>` for each level that it is quoted.
    #[must_use]
    pub fn in_plain(&self) -> String {
        if self.kind == LineKind::Rule {
            return "-".repeat(40);
        }
        let mut text = ">".repeat(usize::from(self.quote));
        if self.quote > 0 {
            text.push(' ');
        }
        text.extend(self.spans.iter().map(|s| s.text.as_str()));
        text
    }
}

fn format_header(name: &str, value: &str) -> String {
    format!("{name}: {value}\n")
}

impl Reading {
    /// Puts what the sender hides into the text, each where it stands, or takes it out again.
    pub fn show_hidden(&mut self, is_shown: bool) {
        if self.shows_hidden == is_shown {
            return;
        }
        self.shows_hidden = is_shown;
        let mut body = std::mem::take(&mut self.body).into_iter();
        let mut at = 0;
        for hidden in &self.hidden {
            self.body
                .extend(body.by_ref().take(hidden.at.saturating_sub(at)));
            at = at.max(hidden.at);
            if is_shown {
                self.body.extend(hidden.lines.iter().cloned());
            } else {
                body.by_ref().take(hidden.lines.len()).for_each(drop);
            }
        }
        self.body.extend(body);
    }

    /// The addresses of the remote pictures that have a place in the text.
    #[must_use]
    pub fn remote_pictures(&self) -> Vec<&str> {
        let sources = self.pictures.iter().map(|p| &p.source);
        let mut urls: Vec<&str> = sources.filter_map(PictureSource::remote).collect();
        urls.sort_unstable();
        urls.dedup();
        urls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_name_another_host_are_noticed() {
        let link = |text: &'static str| Link {
            shown: Safe::fixed("https://login.bank.com/x"),
            target: "https://login.bank.com/x".to_owned(),
            host: Safe::fixed("login.bank.com"),
            onward: Safe::default(),
            text: Safe::fixed(text),
        };
        for honest in [
            "click here",
            "bank.com",
            "https://www.bank.com/a",
            "login.bank.com",
            "a@b.org",
            "v1.2",
            "etc.",
        ] {
            assert!(!link(honest).names_other_host(), "{honest}");
        }
        for false_words in [
            "www.other.org",
            "https://other.org/login",
            "go to Other.com now",
            "mybank.com",
        ] {
            assert!(link(false_words).names_other_host(), "{false_words}");
        }
    }
}
