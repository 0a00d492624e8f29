//! Markdown to the HTML that goes out beside the text itself.
//!
//! Called by `compose`. The text may hold quotes of a stranger: HTML in it must never come out as
//! HTML, nothing may be loaded by whoever reads it, and only web and mail links stay links.

use super::flowed::with_plain_breaks;
use super::links::Links;
use super::text::unquote;
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// The page for a text. Line breaks are kept, as people mean them in mail; the signature is no
/// Markdown.
pub(crate) fn page(body: &str) -> String {
    let body = with_plain_breaks(body);
    let at = body.find("\n-- \n").map(|at| at + 1);
    let at = at.or_else(|| body.starts_with("-- \n").then_some(0));
    let (text, signature) = body
        .split_at_checked(at.unwrap_or(body.len()))
        .unwrap_or_default();
    let mut out = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n".to_owned();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let text = with_whole_quotes(text);
    let events = Parser::new_ext(&text, options).map(tame);
    html::push_html(&mut out, events);
    if !signature.is_empty() {
        out.push_str("<p>");
        let lines: Vec<String> = signature.trim_end().lines().map(escape).collect();
        out.push_str(&lines.join("<br>\n"));
        out.push_str("</p>\n");
    }
    out.push_str("</body></html>\n");
    out
}

/// Quoted lines that a blank at the end joins, joined.
fn with_whole_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open = None;
    for line in text.split('\n') {
        let (quote, words) = unquote(line);
        let goes_on = quote > 0 && open == Some(quote) && !words.trim().is_empty();
        if goes_on {
            out.push_str(words);
        } else {
            out.push_str(if out.is_empty() { "" } else { "\n" });
            out.push_str(line);
        }
        open = (line.ends_with(' ') && !words.trim().is_empty()).then_some(quote);
    }
    out
}

fn tame(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::SoftBreak => Event::HardBreak,
        Event::Start(Tag::Image { dest_url, .. } | Tag::Link { dest_url, .. }) => {
            Event::Start(Tag::Link {
                link_type: LinkType::Inline,
                dest_url: target(dest_url),
                title: "".into(),
                id: "".into(),
            })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

/// The target where it may be one. An address between angle brackets comes without its scheme.
fn target(url: CowStr<'_>) -> CowStr<'_> {
    if Links::default().add(&url).is_some() {
        return url;
    }
    let mail = format!("mailto:{url}");
    if url.contains('@') && !url.contains([':', '/']) && Links::default().add(&mail).is_some() {
        return mail.into();
    }
    "#".into()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> String {
        let page = page(text);
        let inner = page.split_once("<body>\n").unwrap().1;
        inner.strip_suffix("</body></html>\n").unwrap().to_owned()
    }

    #[test]
    fn markdown_becomes_html_and_line_breaks_stay() {
        assert_eq!(body("a *b*\nc"), "<p>a <em>b</em><br />\nc</p>\n");
        assert_eq!(
            body("> one \n> two"),
            "<blockquote>\n<p>one two</p>\n</blockquote>\n"
        );
        assert!(body("- one\n- two").contains("<li>one</li>"));
        assert!(body("> quoted\n\nmine").contains("<blockquote>"));
        assert!(body("| a | b |\n|---|---|\n| 1 | 2 |").contains("<td>1</td>"));
    }

    #[test]
    fn the_signature_makes_no_heading_of_the_last_line() {
        assert_eq!(
            body("Bye\n-- \nAnn <b>\n*x*"),
            "<p>Bye</p>\n<p>-- <br>\nAnn &lt;b&gt;<br>\n*x*</p>\n"
        );
    }

    #[test]
    fn what_a_stranger_wrote_into_a_quote_stays_words() {
        for text in [
            "> <script>alert(1)</script>",
            "> a <img src=http://x/t.gif> b",
            "<div onclick=x>\n\ny</div>",
            "> ![](http://tracker/x.gif)",
            "> [x](javascript:alert(1))",
            "<javascript:alert(1)>",
        ] {
            let html = body(text).to_lowercase();
            for bad in ["<script", "<img", "<div", "href=\"javascript", "src=\""] {
                assert!(!html.contains(bad), "{text}: {html}");
            }
        }
        assert!(body("<ann@x.org>").contains("href=\"mailto:ann@x.org\""));
        assert!(body("[x](https://x.org/)").contains("href=\"https://x.org/\""));
    }
}
