//! Mail of a list, and how to leave it: List-Unsubscribe (RFC 2369), in one click (RFC 8058).
//!
//! Called by `cards`. The addresses are the sender's: nothing here may be called or written to before
//! the user has seen where it leads.

use super::super::headers::Headers;
use super::super::links::show_host;
use super::super::words::{decode_words, unfold};
use super::auth::Checked;
use super::short;
use crate::model::{Card, CardKind, CardLine, Leave, ListCard, Safe, Tone};

/// More addresses are not looked at.
const WAYS_MAX: usize = 10;
/// A longer address is none.
const URL_MAX: usize = 8 * 1024;
const NAME_MAX: usize = 80;

/// The card of a list, where the message came from one that can be named or left.
pub(super) fn card(headers: &Headers<'_>, checked: Option<&[Checked]>) -> Option<Card> {
    let name = name(headers);
    let way = way(headers);
    if name.is_empty() && way.is_none() {
        return None;
    }
    let is_signed = checked.and_then(|checked| is_signed(headers, checked));
    let shown = if name.is_empty() {
        "a list"
    } else {
        name.as_str()
    };
    let line = CardLine::new(Tone::Dim, &format!("List: {shown}"));
    let line = if way.is_some() {
        line.with("unsubscribe")
    } else {
        line
    };
    let list = ListCard {
        name: Safe::line(&name),
        way,
        is_signed,
    };
    Some(Card {
        kind: CardKind::List(Box::new(list)),
        lines: vec![line],
    })
}

/// What the list calls itself (RFC 2919), and its id.
fn name(headers: &Headers<'_>) -> String {
    let text = headers.text("List-Id");
    let (phrase, id) = match text.split_once('<') {
        Some((phrase, rest)) => (phrase, rest.split('>').next().unwrap_or_default()),
        None => ("", text.as_str()),
    };
    let phrase = phrase.trim().trim_matches('"').trim();
    let name = match (phrase, id.trim()) {
        ("", id) => id.to_owned(),
        (phrase, "") => phrase.to_owned(),
        (phrase, id) => format!("{phrase} ({id})"),
    };
    short(&name, NAME_MAX)
}

/// How to leave: by one request where that is offered, else by mail, else by a page.
fn way(headers: &Headers<'_>) -> Option<Leave> {
    let urls = urls(headers);
    let is_one_click = headers
        .text("List-Unsubscribe-Post")
        .eq_ignore_ascii_case("List-Unsubscribe=One-Click");
    let page = |scheme: &str| {
        urls.iter().find_map(|url| {
            let parsed = url::Url::parse(url).ok()?;
            let host = parsed.host_str().filter(|_| parsed.scheme() == scheme)?;
            let is_plain = parsed.username().is_empty() && parsed.password().is_none();
            is_plain.then(|| (url.clone(), Safe::line(&show_host(host))))
        })
    };
    if let Some((url, host)) = page("https").filter(|_| is_one_click) {
        return Some(Leave::OneClick { url, host });
    }
    let mail = urls.iter().find_map(|url| {
        let to = mail_address(url)?;
        let to = Safe::line(&short(to, NAME_MAX));
        let url = url.clone();
        Some(Leave::Mail { url, to })
    });
    mail.or_else(|| {
        let (url, host) = page("https").or_else(|| page("http"))?;
        Some(Leave::Page { url, host })
    })
}

/// The address that a `mailto:` link names.
fn mail_address(url: &str) -> Option<&str> {
    let scheme = url.get(..7)?;
    let to = url.get(7..)?.split('?').next()?;
    (scheme.eq_ignore_ascii_case("mailto:") && to.contains('@')).then_some(to)
}

/// The first `mailto:` link by which the list is left.
pub(in crate::mime) fn mail_to_leave(headers: &Headers<'_>) -> Option<String> {
    let mut urls = urls(headers).into_iter();
    urls.find(|url| mail_address(url).is_some())
}

/// The addresses in angle brackets, with the blanks that folding put into them taken out.
fn urls(headers: &Headers<'_>) -> Vec<String> {
    let mut urls = Vec::new();
    for raw in headers.all("List-Unsubscribe") {
        let text = decode_words(&unfold(raw));
        for piece in text.split('<').skip(1) {
            let Some((url, _)) = piece.split_once('>') else {
                continue;
            };
            let url: String = url.chars().filter(|c| !c.is_whitespace()).collect();
            let is_url = url.len() <= URL_MAX && url.chars().all(|c| c.is_ascii_graphic());
            if is_url && urls.len() < WAYS_MAX {
                urls.push(url);
            }
        }
    }
    urls
}

/// Whether a signature that the trusted server has proved covers both fields (RFC 8058 section 4);
/// `None` where no signature was proved.
fn is_signed(headers: &Headers<'_>, checked: &[Checked]) -> Option<bool> {
    let proved: Vec<&Checked> = checked
        .iter()
        .filter(|c| c.method == "dkim" && c.result == "pass")
        .collect();
    if proved.is_empty() {
        return None;
    }
    let covers = headers.all("DKIM-Signature").take(20).any(|raw| {
        let text = String::from_utf8_lossy(&unfold(raw)).into_owned();
        let tag = |name: &str| {
            let tags = text.split(';').filter_map(|tag| tag.split_once('='));
            let found = tags.into_iter().find(|(n, _)| n.trim() == name);
            found.map(|(_, value)| value.split_whitespace().collect::<String>())
        };
        let (domain, fields) = (tag("d").unwrap_or_default(), tag("h").unwrap_or_default());
        let has = |field: &str| fields.split(':').any(|f| f.eq_ignore_ascii_case(field));
        let is_proved = proved.iter().any(|c| {
            let is_selector = match (c.property("header.s"), tag("s")) {
                (Some(proved), Some(own)) => proved.eq_ignore_ascii_case(&own),
                _ => true,
            };
            is_selector && c.domain().is_some_and(|d| d.eq_ignore_ascii_case(&domain))
        });
        is_proved && has("List-Unsubscribe") && has("List-Unsubscribe-Post")
    });
    Some(covers)
}

#[cfg(test)]
mod tests {
    use super::super::super::parse_headers;
    use super::super::auth::checked;
    use super::*;

    fn list(fields: &str) -> Option<ListCard> {
        let raw = format!("{fields}\r\n\r\n");
        let headers = parse_headers(raw.as_bytes());
        let checked = checked(&headers, "mx");
        match card(&headers, checked.as_deref())?.kind {
            CardKind::List(list) => Some(*list),
            _ => None,
        }
    }

    #[test]
    fn the_surest_way_is_taken() {
        let both = "List-Unsubscribe: <mailto:leave@l.example?subject=x>,\r\n <https://l.example/u?\r\n a=1>";
        let one_click = format!("{both}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click");
        assert_eq!(
            list(&one_click).unwrap().way,
            Some(Leave::OneClick {
                url: "https://l.example/u?a=1".to_owned(),
                host: Safe::fixed("l.example"),
            })
        );
        assert_eq!(
            list(both).unwrap().way,
            Some(Leave::Mail {
                url: "mailto:leave@l.example?subject=x".to_owned(),
                to: Safe::fixed("leave@l.example"),
            })
        );
        let page = list("List-Unsubscribe: <http://l.example/u>").unwrap().way;
        assert!(matches!(page, Some(Leave::Page { .. })), "{page:?}");
    }

    #[test]
    fn one_click_is_never_in_clear_and_never_unasked() {
        let post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click";
        for fields in [
            format!("List-Unsubscribe: <http://l.example/u>\r\n{post}"),
            format!("List-Unsubscribe: <https://user:pass@l.example/u>\r\n{post}"),
            "List-Unsubscribe: <https://l.example/u>".to_owned(),
            "List-Unsubscribe: <https://l.example/u>\r\nList-Unsubscribe-Post: yes".to_owned(),
        ] {
            let way = list(&fields).and_then(|l| l.way);
            assert!(!matches!(way, Some(Leave::OneClick { .. })), "{fields}");
        }
        for fields in [
            "List-Unsubscribe: <file:///etc/passwd>",
            "List-Unsubscribe: https://bare.example",
        ] {
            assert_eq!(list(fields), None, "{fields}");
        }
    }

    #[test]
    fn a_list_is_named_and_its_signature_told_only_where_it_was_proved() {
        let list_id = "List-Id: =?utf-8?q?Hydr=C3=B6?= Notes <notes.hydro.example>";
        let named = list(list_id).unwrap();
        assert_eq!(named.name.as_str(), "Hydrö Notes (notes.hydro.example)");
        assert_eq!((named.way, named.is_signed), (None, None));
        let signed = |results: &str, fields: &str| {
            list(&format!(
                "Authentication-Results: mx; {results}\r\nDKIM-Signature: v=1; d=l.example; s=k1;\r\n h={fields}; b=x\r\n{list_id}"
            ))
            .unwrap()
            .is_signed
        };
        let both = "from:list-unsubscribe:\r\n List-Unsubscribe-Post";
        assert_eq!(
            signed("dkim=pass header.d=l.example header.s=k1", both),
            Some(true)
        );
        assert_eq!(
            signed("dkim=pass header.d=l.example header.s=k2", both),
            Some(false)
        );
        assert_eq!(signed("dkim=pass header.d=l.example", "from"), Some(false));
        assert_eq!(signed("dkim=fail header.d=l.example", both), None);
    }
}
