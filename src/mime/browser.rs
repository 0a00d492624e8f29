//! A message as a page for the browser: cleaned of all that runs, loads or sends.
//!
//! Called by `engine::pages`. The page must never make a browser ask anybody for anything: what is
//! cleaned here is also forbidden to it by the policy in its head, in case one of the two errs.

use super::choose::Form;
use super::html::{self, Images};
use super::inner::winmail_parts;
use super::links::Links;
use super::picture::{by_content_id, content_id};
use super::render::{Message, Source};
use super::tnef;
use super::tree::DecodedPart;
use crate::model::{Holds, Part, PartId, Safe};
use ammonia::{Builder, UrlRelative};
use base64::Engine as _;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A larger picture does not go into the page, nor do more than so many bytes of them.
pub const PICTURE_MAX: usize = 8 * 1024 * 1024;
const PICTURES_MAX: usize = 32 * 1024 * 1024;
/// More pictures are gaps in the page.
const COUNT_MAX: usize = 500;
/// Nothing is loaded but what stands in the page itself.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; \
                      base-uri 'none'; frame-src 'none'";
/// The pictures that browsers show without running anything in them.
const KINDS: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
];
const SIZES: [&str; 6] = ["width", "height", "align", "valign", "bgcolor", "color"];
const PROPERTIES: [&str; 38] = [
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "color",
    "direction",
    "display",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "vertical-align",
    "width",
];

/// The `data:` addresses of pictures by their content ids.
type Pictures = BTreeMap<Vec<u8>, String>;

/// A page that is ready to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// All of it.
    pub html: String,
    /// How many remote pictures were left out.
    pub left_out: u32,
}

/// The parts of the message whose pictures its page shows.
#[must_use]
pub fn page_pictures(source: Source<'_>) -> Vec<PartId> {
    pictures_of(&Message::open(source))
}

fn pictures_of(message: &Message<'_>) -> Vec<PartId> {
    let parts = message.structure.parts.iter();
    let by_id = by_content_id(parts.filter(|p| KINDS.contains(&p.mime_type.as_str())));
    let mut wanted: Vec<PartId> = Vec::new();
    let pages = message.pages(Form::Html).into_iter();
    for id in pages.flat_map(|page| cids(&page)) {
        let found = by_id.get(id.as_slice());
        if let Some(part) = found.filter(|p| !wanted.contains(&p.id)) {
            wanted.push(part.id.clone());
        }
        if wanted.len() == COUNT_MAX {
            break;
        }
    }
    wanted
}

/// What `cid:` addresses of a text name.
fn cids(text: &str) -> Vec<Vec<u8>> {
    let images = html::guarded(|| html::images(text)).flatten();
    let sources = images.map(|Images(sources)| sources).unwrap_or_default();
    sources.iter().filter_map(|s| content_id(s)).collect()
}

/// Makes the page, with the pictures that the message holds, and those that were fetched of it. `None`
/// where the message has no HTML, or none that can be read.
#[must_use]
pub fn page(source: Source<'_>, fetched: &[(PartId, Vec<u8>)]) -> Option<Page> {
    let message = Message::open(source);
    let mut room = PICTURES_MAX;
    let mut known = Pictures::new();
    for id in pictures_of(&message) {
        let Some(part) = message.structure.part(&id) else {
            continue;
        };
        let given = fetched.iter().find(|(of, _)| *of == id);
        let given = given.map(|(_, bytes)| Cow::Borrowed(bytes));
        let Some(bytes) = given.or_else(|| message.bytes(part).map(Cow::Owned)) else {
            continue;
        };
        put(&mut known, &mut room, part, &bytes);
    }
    let subject = message.headers.get("Subject").map(super::decode_words);
    finished(
        message.pages(Form::Html),
        known,
        &subject.unwrap_or_default(),
    )
}

/// The same of a part that is read as a message of its own: an attached message, or what Outlook wrapped.
#[must_use]
pub fn page_inside(part: &DecodedPart) -> Option<Page> {
    match Holds::of(&part.mime_type, &part.name)? {
        Holds::Message => page(Source::Whole(&part.bytes), &[]),
        Holds::Winmail => {
            let tnef = tnef::parse(&part.bytes)?;
            let mut room = PICTURES_MAX;
            let mut known = Pictures::new();
            let parts = winmail_parts(&PartId::default(), &tnef);
            let files = parts
                .iter()
                .filter_map(|p| Some((p, tnef.files.get(usize::from(*p.id.0.first()?) - 1)?)));
            for (part, file) in files.take(COUNT_MAX) {
                put(&mut known, &mut room, part, file.bytes);
            }
            let is_there = !tnef.html.trim().is_empty();
            let pages = is_there.then_some(tnef.html).into_iter().collect();
            finished(pages, known, &tnef.subject)
        }
    }
}

/// Takes a picture among those of a page, where it may stand in it.
fn put(known: &mut Pictures, room: &mut usize, part: &Part, bytes: &[u8]) {
    let Some(kind) = KINDS.iter().find(|kind| **kind == part.mime_type) else {
        return;
    };
    if part.content_id.is_empty() || bytes.len() > PICTURE_MAX.min(*room) {
        return;
    }
    *room -= bytes.len();
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    known.insert(
        part.content_id.clone().into_bytes(),
        format!("data:{kind};base64,{encoded}"),
    );
}

/// The page of these texts; `None` where there is none that can be read.
fn finished(pages: Vec<String>, known: Pictures, subject: &str) -> Option<Page> {
    let known = Arc::new(known);
    let left_out = Arc::new(AtomicU32::new(0));
    let mut texts = Vec::new();
    for text in pages {
        if !html::is_harmless(&text) {
            return None;
        }
        texts.push(html::guarded(|| cleaned(&text, &known, &left_out))?);
    }
    if texts.is_empty() {
        return None;
    }
    let subject = escaped(Safe::line(subject.trim()).as_str());
    let left_out = left_out.load(Ordering::Relaxed);
    let note = match left_out {
        0 => "Nothing in this page loads anything.".to_owned(),
        1 => "1 remote picture was left out.".to_owned(),
        n => format!("{n} remote pictures were left out."),
    };
    let html = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{subject}</title></head>\n\
         <body><p style=\"font: 13px sans-serif; color: #666666\">{note}</p>\n{}\n</body></html>\n",
        texts.join("\n<hr>\n")
    );
    Some(Page { html, left_out })
}

fn cleaned(text: &str, pictures: &Arc<Pictures>, left_out: &Arc<AtomicU32>) -> String {
    let (pictures, left_out) = (Arc::clone(pictures), Arc::clone(left_out));
    let tables = [
        "table", "tbody", "thead", "tfoot", "tr", "td", "th", "col", "colgroup",
    ];
    let mut attributes: HashMap<&str, HashSet<&str>> = HashMap::new();
    for tag in tables {
        let own = [
            "border",
            "cellpadding",
            "cellspacing",
            "colspan",
            "rowspan",
            "span",
            "scope",
        ];
        attributes.insert(tag, own.into_iter().collect());
    }
    attributes.insert("a", ["href", "name"].into_iter().collect());
    attributes.insert("img", ["src", "alt", "border"].into_iter().collect());
    attributes.insert("ol", ["start", "type", "reversed"].into_iter().collect());
    attributes.insert("li", ["value"].into_iter().collect());
    attributes.insert("font", ["size", "face"].into_iter().collect());
    let generic = ["title", "dir", "lang", "style"].into_iter().chain(SIZES);
    let gone = [
        "script", "style", "title", "template", "noscript", "svg", "math", "object", "iframe",
        "select", "textarea", "audio", "video", "canvas",
    ];
    let schemes = ["http", "https", "mailto", "data"];
    let filter = move |tag: &str, name: &str, value: &str| -> Option<String> {
        match (tag, name) {
            ("img", "src") => match content_id(value) {
                Some(id) => pictures.get(id.as_slice()).cloned(),
                None => inline(value).or_else(|| {
                    left_out.fetch_add(1, Ordering::Relaxed);
                    None
                }),
            },
            // What is meant for the network leads there when it is pressed, and is seen before.
            ("a", "href") => {
                let mut links = Links::default();
                let is_link = value.starts_with('#') || links.add(value).is_some();
                is_link.then(|| value.to_owned())
            }
            (_, "style") => {
                let lower = value.to_ascii_lowercase();
                let loads = ["url", "http", "//", "\\", "@", "expression", "/*"];
                (!loads.iter().any(|word| lower.contains(word))).then(|| value.to_owned())
            }
            _ => (!value.contains("//")).then(|| value.to_owned()),
        }
    };
    Builder::default()
        .add_tags(["font", "center", "big"])
        .rm_tags(["map", "area"])
        .rm_clean_content_tags(["script", "style"])
        .clean_content_tags(gone.into_iter().collect())
        .tag_attributes(attributes)
        .generic_attributes(generic.collect())
        .filter_style_properties(PROPERTIES.into_iter().collect())
        .url_schemes(schemes.into_iter().chain(["cid"]).collect())
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(true)
        .attribute_filter(move |tag, name, value| filter(tag, name, value).map(Cow::Owned))
        .clean(text)
        .to_string()
}

/// A text as it stands between tags.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// A picture that stands in the page itself, of a kind that nothing runs in.
fn inline(value: &str) -> Option<String> {
    let value = value.trim();
    let (head, _) = value.split_once(',')?;
    let head = head.to_ascii_lowercase();
    let kind = head.strip_prefix("data:")?.split(';').next()?;
    let is_known = KINDS.contains(&kind) && value.len() <= PICTURE_MAX;
    is_known.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[u8] = b"\x89PNG picture";

    fn message(html: &str) -> Vec<u8> {
        format!(
            "Subject: =?utf-8?q?A_<b>_=26_\"c\"?=\r\nContent-Type: multipart/related; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n\
             --b\r\nContent-Type: image/png\r\nContent-ID: <p@x>\r\n\r\npicture\r\n--b--\r\n"
        )
        .into_bytes()
    }

    fn made(html: &str) -> Page {
        let raw = message(html);
        let wanted = page_pictures(Source::Whole(&raw));
        let pictures: Vec<_> = wanted
            .into_iter()
            .map(|id| (id, PICTURE.to_vec()))
            .collect();
        page(Source::Whole(&raw), &pictures).unwrap()
    }

    #[test]
    fn pictures_that_the_message_holds_are_in_the_page() {
        let raw = message("<img src=cid:p@x>");
        let held = page(Source::Whole(&raw), &[]).unwrap();
        let inline = base64::engine::general_purpose::STANDARD.encode("picture");
        assert!(
            held.html
                .contains(&format!("data:image/png;base64,{inline}"))
        );
        assert_eq!(held.left_out, 0);
    }

    /// Every attribute of the page but the targets of links, as `name=value`.
    fn attributes(page: &str) -> Vec<String> {
        let mut out = Vec::new();
        for tag in page.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let name = tag.split_whitespace().next().unwrap_or_default();
            for piece in tag.split("=\"").collect::<Vec<_>>().windows(2) {
                let attribute = piece[0].rsplit([' ', '"']).next().unwrap();
                let value = piece[1].split('"').next().unwrap();
                if (name, attribute) != ("a", "href") {
                    out.push(format!("{attribute}={value}"));
                }
            }
        }
        out
    }

    #[test]
    fn nothing_in_the_page_of_a_hostile_message_loads_runs_or_sends() {
        let page = made(
            "<html><head><base href='http://evil.example/'><meta http-equiv=refresh content='0;url=http://evil.example'>\
             <link rel=stylesheet href='http://evil.example/a.css'><style>@import 'http://evil.example/b.css'; \
             p{background:url(http://evil.example/c)}</style><script src='http://evil.example/d.js'>evil()</script></head>\
             <body background='http://evil.example/bg.png' onload='evil()'>\
             <img src='http://evil.example/1.gif' srcset='http://evil.example/2.gif 2x'><img src='//evil.example/3.gif'>\
             <img src='x.gif' lowsrc='http://evil.example/4'><img src='data:image/svg+xml,<svg onload=evil()>'>\
             <table background='http://evil.example/5'><tr><td style='background-image:url(http://evil.example/6);color:red'>cell</td>\
             <td style='font-family:url(http://evil.example/7)'>x</td><td style='background:u\\72l(http://evil.example/8)'>y</td></tr></table>\
             <iframe src='http://evil.example/9'></iframe><object data='http://evil.example/10'></object><embed src='http://evil.example/11'>\
             <video poster='http://evil.example/12' src='http://evil.example/13'></video><audio src='http://evil.example/14'></audio>\
             <svg><image href='http://evil.example/15'/><use xlink:href='http://evil.example/16#a'/></svg>\
             <form action='http://evil.example/17'><input name=p type=image src='http://evil.example/18'><button formaction='http://evil.example/19'>go</button></form>\
             <blockquote cite='http://evil.example/20'>q</blockquote><a href='javascript:evil()'>run</a><a href='http://fine.example/' ping='http://evil.example/21' onclick='evil()'>fine</a>\
             <math href='http://evil.example/22'><mtext>m</mtext></math><p title='http://evil.example/23'>title</p>\
             <input type=hidden value=x><textarea>area</textarea><p>words</p></body></html>",
        );
        for attribute in attributes(&page.html) {
            let is_policy = attribute.starts_with("content=");
            let (_, value) = attribute.split_once('=').unwrap();
            let loads = value.contains("http:") || value.contains("//");
            assert!(is_policy || !loads, "{attribute}");
            assert!(!attribute.starts_with("on"), "{attribute}");
        }
        let lower = page.html.to_lowercase();
        for tag in [
            "<script",
            "<style",
            "<link",
            "<base",
            "<iframe",
            "<object",
            "<embed",
            "<form",
            "<input",
            "<button",
            "<svg",
            "<math",
            "<video",
            "<audio",
            "<textarea",
            "javascript:",
            "evil()",
            "url(",
        ] {
            assert!(!lower.contains(tag), "{tag}: {}", page.html);
        }
        assert_eq!(
            lower.matches("http-equiv").count(),
            1,
            "only our own policy"
        );
        assert!(lower.contains("href=\"http://fine.example/\"") && lower.contains("<p>words</p>"));
        assert!(lower.contains("color:red") || lower.contains("cell"));
        assert_eq!(page.left_out, 4);
        assert!(page.html.contains("4 remote pictures were left out."));
        assert!(
            page.html
                .contains("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
        );
    }

    #[test]
    fn pictures_of_the_message_are_in_the_page_and_the_subject_is_its_title() {
        let page = made(
            "<p>see</p><img src='cid:p%40x' width=20 alt='P'><img src='cid:gone@x'><img src='data:image/gif;base64,R0'>",
        );
        let encoded = base64::engine::general_purpose::STANDARD.encode(PICTURE);
        assert!(
            page.html
                .contains(&format!("src=\"data:image/png;base64,{encoded}\"")),
            "{}",
            page.html
        );
        assert!(page.html.contains("src=\"data:image/gif;base64,R0\""));
        assert_eq!(page.left_out, 0);
        assert!(
            page.html
                .contains("<title>A &lt;b&gt; &amp; &quot;c&quot;</title>"),
            "{}",
            page.html
        );
        assert!(!page.html.contains("cid:"));
    }

    #[test]
    fn a_message_without_html_has_no_page_and_a_bomb_has_none_either() {
        let plain = b"Content-Type: text/plain\r\n\r\nwords\r\n";
        assert_eq!(page(Source::Whole(plain), &[]), None);
        let bomb = message(&"<div>".repeat(100_000));
        assert_eq!(page(Source::Whole(&bomb), &[]), None);
    }
}
