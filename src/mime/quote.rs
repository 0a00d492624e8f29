//! The words of a message as they go into a draft: quoted, passed on, or taken up again.
//!
//! Called by `reply`. The words are a stranger's: a control other than a tab must never get into a
//! draft, and a quote must show as one, however the original was laid out.

use super::choose::{Form, choose, says_something};
use super::field::one_line;
use super::flowed::draft_lines;
use super::html;
use super::links::Links;
use super::render::Message;
use super::text::{Flow, Paragraph, cut, paragraphs};
use crate::model::{Line, LineKind, Link, Part};

/// The line above a message that is passed on within the text.
pub const FORWARD_MARK: &str = "---------- Forwarded message ----------";

/// HTML is laid out so wide where it holds a table.
const HTML_COLS: usize = 72;
/// So wide that a paragraph of HTML is one line: it is broken when it is sent, and only for the way.
const ONE_LINE_COLS: usize = 100_000;
/// More of a message does not get into a draft.
const PARAGRAPHS_MAX: usize = 20_000;
const BYTES_MAX: usize = 1024 * 1024;
/// A longer block below `-- ` is no signature.
const SIGNATURE_MAX: usize = 20;

/// The text of a message.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) paragraphs: Vec<Paragraph>,
    /// Whether the writer's lines are paragraphs (RFC 3676); else they are lines.
    is_flowed: bool,
}

impl Words {
    /// What one reads of a message. With `with_links`, HTML's links are told in the text.
    pub(super) fn of(message: &Message<'_>, with_links: bool) -> Self {
        let says = |plain: &Part, page: &Part| {
            let page_len = usize::try_from(page.size_bytes).unwrap_or(usize::MAX);
            let text = message.text(plain);
            text.is_some_and(|found| says_something(&found.text, page_len))
        };
        let chosen = choose(&message.structure, Form::Auto, says);
        let mut words = Self::default();
        for part in chosen.parts {
            let Some(found) = message.text(part) else {
                continue;
            };
            if !words.paragraphs.is_empty() {
                words.paragraphs.push(Paragraph::default());
            }
            if part.mime_type == "text/html" {
                words.paragraphs.extend(of_html(&found.text, with_links));
            } else {
                words.is_flowed |= found.flow.is_flowed;
                words.paragraphs.extend(of_plain(&found.text, found.flow));
            }
        }
        words.clean();
        words
    }

    fn clean(&mut self) {
        let mut left = BYTES_MAX;
        let mut kept = 0;
        for paragraph in self.paragraphs.iter_mut().take(PARAGRAPHS_MAX) {
            // A byte order mark in the middle of a text is nothing but a trap.
            let is_kept = |c: char| c == '\t' || !(c.is_control() || c == '\u{feff}');
            paragraph.text.retain(is_kept);
            let mut end = paragraph.text.len().min(left);
            while !paragraph.text.is_char_boundary(end) {
                end -= 1;
            }
            paragraph.text.truncate(end);
            left = left.saturating_sub(end + 1);
            kept += 1;
            if left == 0 {
                break;
            }
        }
        self.paragraphs.truncate(kept);
        let is_empty = |p: &Paragraph| p.quote == 0 && p.text.trim().is_empty();
        while self.paragraphs.last().is_some_and(is_empty) {
            self.paragraphs.pop();
        }
        let first = self.paragraphs.iter().position(|p| !is_empty(p));
        self.paragraphs.drain(..first.unwrap_or_default());
    }

    /// Takes the writer's signature off: from `-- ` to the end, or to what is quoted below it.
    pub(super) fn without_signature(mut self) -> Self {
        let is_mark = |p: &Paragraph| p.quote == 0 && matches!(p.text.as_str(), "-- " | "--");
        let Some(at) = self.paragraphs.iter().rposition(is_mark) else {
            return self;
        };
        let behind = self.paragraphs.get(at..).unwrap_or_default();
        let quote_at = behind.iter().position(|p| p.quote > 0);
        // The line that says who wrote the quote belongs to it.
        let intro = quote_at.and_then(|quote| {
            let before = behind.get(..quote)?;
            let last = before.iter().rposition(|p| !p.text.trim().is_empty())?;
            let is_intro = before.get(last)?.text.trim_end().ends_with(':');
            is_intro.then_some(last)
        });
        let len = intro.or(quote_at).unwrap_or(behind.len());
        if len <= SIGNATURE_MAX {
            self.paragraphs.drain(at..at + len);
            self.clean();
        }
        self
    }

    /// The text, its signature no longer marked as one: what follows in the draft is none.
    pub(super) fn with_plain_signature(mut self) -> Self {
        for paragraph in self.paragraphs.iter_mut().filter(|p| p.text == "-- ") {
            "--".clone_into(&mut paragraph.text);
        }
        self
    }

    /// The text one level deeper, each line marked.
    pub(super) fn quoted(mut self) -> String {
        for paragraph in &mut self.paragraphs {
            paragraph.quote += 1;
        }
        self.into_lines()
    }

    /// The text as lines of a draft.
    pub(super) fn into_lines(self) -> String {
        draft_lines(&self.paragraphs, self.is_flowed)
    }
}

fn of_plain(text: &str, flow: Flow) -> Vec<Paragraph> {
    let mut found = paragraphs(cut(text).0, flow);
    for paragraph in &mut found {
        if paragraph.text != "-- " {
            let kept = paragraph.text.trim_end().len();
            paragraph.text.truncate(kept);
        }
    }
    found
}

fn of_html(page: &str, with_links: bool) -> Vec<Paragraph> {
    let mut links = Links::default();
    let mut done = html::lines(page, ONE_LINE_COLS, &mut links);
    if done.has_table {
        links = Links::default();
        done = html::lines(page, HTML_COLS, &mut links);
    }
    let lines = done.lines;
    let links = if with_links {
        links.into_vec()
    } else {
        Vec::new()
    };
    let mut out: Vec<Paragraph> = Vec::with_capacity(lines.len());
    let mut open = None;
    for line in lines.iter().filter(|line| line.kind != LineKind::Note) {
        let quote = usize::from(line.quote);
        if line.kind == LineKind::Rule {
            let room = HTML_COLS.saturating_sub(Line::quote_cols(line.quote));
            let text = "─".repeat(room);
            out.push(Paragraph { quote, text });
            continue;
        }
        out.push(Paragraph {
            quote,
            text: String::new(),
        });
        add_spans(line, &links, &mut open, &mut out);
    }
    close(&links, &mut open, out.last_mut());
    for paragraph in &mut out {
        let kept = paragraph.text.trim_end().len();
        paragraph.text.truncate(kept);
    }
    out
}

/// Adds the words of a line to the last paragraph; where a link ends, its target follows.
fn add_spans(line: &Line, links: &[Link], open: &mut Option<usize>, out: &mut [Paragraph]) {
    for (n, span) in line.spans.iter().enumerate() {
        if *open != span.link {
            let at = if n == 0 {
                out.len().saturating_sub(2)
            } else {
                out.len().saturating_sub(1)
            };
            close(links, open, out.get_mut(at));
            *open = span.link;
        }
        if let Some(last) = out.last_mut() {
            last.text.push_str(span.text.as_str());
        }
    }
}

fn close(links: &[Link], open: &mut Option<usize>, paragraph: Option<&mut Paragraph>) {
    let link = open.take().and_then(|number| links.get(number));
    if let (Some(link), Some(paragraph)) = (link, paragraph) {
        let target = link.target.as_str();
        let bare = target.strip_prefix("mailto:").unwrap_or(target);
        let is_told = paragraph.text.contains(bare.trim_end_matches('/'));
        if !is_told {
            let kept = paragraph.text.trim_end().len();
            paragraph.text.truncate(kept);
            paragraph.text.push_str(" <");
            paragraph.text.push_str(target);
            paragraph.text.push('>');
        }
    }
}

/// The line above a quote: a pattern with `{date}`, `{name}` and `{address}` in it.
pub(super) fn attribution(pattern: &str, date: &str, name: &str, address: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let value = match after.split_once('}') {
            Some(("date", behind)) => Some((date, behind)),
            Some(("name", behind)) => Some((name, behind)),
            Some(("address", behind)) => Some((address, behind)),
            _ => None,
        };
        if let Some((value, behind)) = value {
            out.push_str(&one_line(value));
            rest = behind;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The text with a signature below it, behind the mark of RFC 3676 section 4.3.
#[must_use]
pub fn with_signature(body: &str, signature: &str) -> String {
    let signature = signature.trim_end();
    if signature.is_empty() {
        return body.to_owned();
    }
    format!("{}\n\n-- \n{signature}\n", body.trim_end_matches('\n'))
}

/// The text with another signature in place of `old`, where that stands at its end; else `new`
/// is put below it.
#[must_use]
pub fn replace_signature(body: &str, old: &str, new: &str) -> String {
    let mark = format!("-- \n{}", old.trim_end());
    let text = body.trim_end();
    let has_old = !old.trim().is_empty() && text.ends_with(&mark);
    let is_own = |rest: &str| rest.is_empty() || rest.ends_with('\n');
    match text.get(..text.len().saturating_sub(mark.len())) {
        Some(rest) if has_old && is_own(rest) && new.trim().is_empty() => {
            format!("{}\n", rest.trim_end_matches('\n'))
        }
        Some(rest) if has_old && is_own(rest) => format!("{rest}-- \n{}\n", new.trim_end()),
        _ => with_signature(body, new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::Source;
    use crate::mime::flowed::flow;
    use crate::mime::wrap::columns;

    fn words(content_type: &str, text: &str) -> Words {
        let raw = format!("Content-Type: {content_type}\n\n{text}");
        Words::of(&Message::open(Source::Whole(raw.as_bytes())), true)
    }

    fn quoted(text: &str) -> String {
        words("text/plain", text).without_signature().quoted()
    }

    #[test]
    fn each_line_is_marked_and_a_quote_goes_one_deeper() {
        assert_eq!(
            quoted("Hi  \n\n> one\n> > two\nthree\n\n\n"),
            "> Hi\n>\n>> one\n>>> two\n> three\n"
        );
    }

    #[test]
    fn a_flowed_paragraph_is_one_paragraph_of_the_quote() {
        let flowed = |text: &str| words("text/plain; format=flowed", text).quoted();
        let long = "word ".repeat(30);
        let made = flowed(&long.replace("word word ", "word word \n"));
        assert!(
            made.lines().count() > 1 && made.lines().all(|l| l.len() <= 73),
            "{made}"
        );
        let lines: Vec<&str> = made.lines().collect();
        let (last, before) = lines.split_last().unwrap();
        assert!(before.iter().all(|l| l.ends_with(' ')) && !last.ends_with(' '));
        assert_eq!(flowed(">> a \n>> b\n> c"), ">>> a b\n>> c\n");
        assert_eq!(flowed(" > no quote\n  x"), "> > no quote\n>  x\n");
    }

    #[test]
    fn lines_that_were_ended_on_purpose_stay_whole() {
        let code = format!("    {}", "let x = 1; ".repeat(8).trim_end());
        assert_eq!(quoted(&code), format!("> {code}\n"));
        let prose = "word ".repeat(60);
        assert!(quoted(&prose).lines().all(|l| l.len() <= 73));
    }

    #[test]
    fn the_signature_is_not_quoted_and_what_stands_below_it_is() {
        assert_eq!(quoted("Hi\n-- \nAnn\nPhone 1"), "> Hi\n");
        assert_eq!(quoted("Hi\n--\nAnn"), "> Hi\n");
        assert_eq!(
            quoted("Hi\n-- \nAnn\n\nOn Monday Bo wrote:\n> old\n> -- \n> Bo"),
            "> Hi\n> On Monday Bo wrote:\n>> old\n>> -- \n>> Bo\n"
        );
        let table = format!("a\n-- \n{}", "row\n".repeat(40));
        assert_eq!(quoted(&table).lines().count(), 42);
    }

    #[test]
    fn html_is_quoted_as_it_is_read_and_its_links_are_told() {
        let page = "<p>See <a href='https://x.org/a'>this page</a> now</p>\
            <blockquote>old</blockquote><p><a href='https://y.org/'>https://y.org</a></p>";
        let found = words("text/html", page).into_lines();
        assert!(
            found.contains("See this page <https://x.org/a> now\n"),
            "{found}"
        );
        assert!(
            found.contains("> old\n") && found.contains("https://y.org\n"),
            "{found}"
        );
        let quiet = format!("Content-Type: text/html\n\n{page}");
        let quiet = Words::of(&Message::open(Source::Whole(quiet.as_bytes())), false).quoted();
        assert!(
            quiet.contains("> See this page now\n") && quiet.contains(">> old\n"),
            "{quiet}"
        );
    }

    #[test]
    fn a_paragraph_of_html_is_one_again_where_the_quote_is_read() {
        let prose = "word ".repeat(80).trim_end().to_owned();
        let page = format!(
            "<p>{prose}</p><blockquote><p>{prose}</p></blockquote>one<br>two<hr>\
             <pre>let a = 1;\nlet b = 2;</pre>"
        );
        let sent = flow(&words("text/html", &page).quoted());
        assert!(sent.lines().all(|l| columns(l) <= 78), "{sent}");
        let flow = Flow {
            is_flowed: true,
            deletes_blank: false,
        };
        let read: Vec<(usize, String)> = paragraphs(sent.trim_end(), flow)
            .into_iter()
            .map(|p| (p.quote, p.text))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        let rule = "─".repeat(72);
        let wanted = [
            (1, prose.as_str()),
            (2, &prose),
            (1, "one"),
            (1, "two"),
            (1, &rule),
            (1, "let a = 1;"),
            (1, "let b = 2;"),
        ];
        assert_eq!(read, wanted.map(|(quote, text)| (quote, text.to_owned())));
    }

    #[test]
    fn a_table_of_html_keeps_to_the_width_of_a_letter() {
        let row = format!("<tr><td>{}</td><td>b</td></tr>", "word ".repeat(40));
        let page = format!("<table border=1><tr><th>A</th><th>B</th></tr>{row}{row}</table>");
        let made = words("text/html", &page).quoted();
        assert!(made.contains("word  b\n"), "{made}");
        assert!(made.lines().all(|l| columns(l) <= 76), "{made}");
    }

    #[test]
    fn no_control_gets_into_a_draft_and_a_flood_is_cut() {
        assert_eq!(
            quoted("a\x1b[31mb\x07\tc\0\n\u{9b}2Jd"),
            "> a[31mb\tc\n> 2Jd\n"
        );
        assert!(quoted(&"x\n".repeat(100_000)).lines().count() <= PARAGRAPHS_MAX);
        assert!(quoted(&"word ".repeat(400_000)).len() < 2 * BYTES_MAX);
        assert_eq!(quoted(""), "");
    }

    #[test]
    fn the_line_above_a_quote_says_what_it_is_told_to() {
        let made = |pattern| attribution(pattern, "5 May", "Bo {date}\r\nX", "bo@y");
        assert_eq!(
            made("On {date}, {name} <{address}> wrote:"),
            "On 5 May, Bo {date} X <bo@y> wrote:"
        );
        assert_eq!(made("{x} {"), "{x} {");
        assert_eq!(made("{name"), "{name");
    }

    #[test]
    fn a_signature_is_put_below_and_changed_for_another() {
        let signed = with_signature("Hi\n", "Ann\n");
        assert_eq!(signed, "Hi\n\n-- \nAnn\n");
        assert_eq!(replace_signature(&signed, "Ann", "Bo"), "Hi\n\n-- \nBo\n");
        assert_eq!(replace_signature(&signed, "Ann", ""), "Hi\n");
        assert_eq!(replace_signature("Hi\n", "Ann", "Bo"), "Hi\n\n-- \nBo\n");
        assert_eq!(replace_signature("Hi\n", "", ""), "Hi\n");
        assert_eq!(with_signature("", "Ann"), "\n\n-- \nAnn\n");
    }
}
