//! The links of a text: which targets are links at all, and how they are shown.
//!
//! Called by `text` and `html`. Only http, https and mailto are links; a target is read the way a
//! browser reads it, so the host shown must never differ from the host that would be opened.

use crate::model::{Link, Safe, mixes_scripts};
use std::collections::HashMap;
use url::Url;

/// A longer target is no link.
const TARGET_MAX: usize = 16 * 1024;
/// More of a target is not shown.
const SHOWN_MAX: usize = 2000;
/// More of a path that is led on to is not shown.
const ONWARD_MAX: usize = 60;
/// What comes after so many links is plain text.
const LINKS_MAX: usize = 5000;

/// The links found so far; a target that comes again keeps its number.
#[derive(Clone, Default)]
pub(crate) struct Links {
    found: Vec<Link>,
    numbers: HashMap<String, usize>,
}

impl Links {
    /// The number of the link to `target`, if it may be one.
    pub(crate) fn add(&mut self, target: &str) -> Option<usize> {
        if target.len() > TARGET_MAX {
            return None;
        }
        let url = Url::parse(target.trim()).ok()?;
        if !matches!(url.scheme(), "http" | "https" | "mailto") {
            return None;
        }
        let target = url.as_str().to_owned();
        if let Some(number) = self.numbers.get(&target) {
            return Some(*number);
        }
        if self.found.len() >= LINKS_MAX {
            return None;
        }
        let number = self.found.len();
        self.found.push(Link {
            shown: shown(&url),
            host: Safe::line(&url.host_str().map(show_host).unwrap_or_default()),
            target: target.clone(),
            onward: onward(&url),
            text: Safe::default(),
        });
        self.numbers.insert(target, number);
        Some(number)
    }

    /// The address as a link of its own.
    pub(crate) fn add_address(&mut self, address: &str) -> Option<usize> {
        self.add(&format!("mailto:{address}"))
    }

    /// Says which words carry the link; more words in a later line belong to it too.
    pub(crate) fn carry(&mut self, number: usize, text: &Safe, is_new: bool) {
        const TEXT_MAX: usize = 200;
        let Some(link) = self.found.get_mut(number) else {
            return;
        };
        if link.text.is_empty() {
            link.text = Safe::line(text.as_str().trim());
        } else if !is_new && link.text.as_str().len() < TEXT_MAX {
            link.text = Safe::join(&[link.text.clone(), Safe::line(text.as_str().trim())], " ");
        }
    }

    /// The host that a link leads to, where these words of it name another.
    pub(crate) fn other_host(&self, number: usize, words: &Safe) -> Option<Safe> {
        let link = self.found.get(number)?;
        let told = Link {
            text: words.clone(),
            ..link.clone()
        };
        told.names_other_host().then(|| link.host.clone())
    }

    pub(crate) fn into_vec(self) -> Vec<Link> {
        self.found
    }
}

fn shown(url: &Url) -> Safe {
    let text = match (url.scheme(), url.host_str()) {
        ("mailto", _) | (_, None) => url.as_str().to_owned(),
        (scheme, Some(host)) => {
            let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
            let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
            let fragment = url.fragment().map(|f| format!("#{f}")).unwrap_or_default();
            // The user part is left out: it is there to look like a host.
            let path = url.path();
            format!(
                "{scheme}://{}{port}{path}{query}{fragment}",
                show_host(host)
            )
        }
    };
    let is_long = text.chars().nth(SHOWN_MAX).is_some();
    let cut: String = text.chars().take(SHOWN_MAX).collect();
    Safe::line(&if is_long { cut + "…" } else { cut })
}

/// Where an address leads on to, where another address stands in it, as in the links of those who
/// count who follows them.
fn onward(url: &Url) -> Safe {
    let mut at = url.clone();
    // Counters that count counters: the innermost is the one that matters.
    for _ in 0..3 {
        match within(&at) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    match at.host_str() {
        Some(host) if at.host_str() != url.host_str() => {
            let path = at.path().trim_end_matches('/');
            let path: String = path.chars().take(ONWARD_MAX).collect();
            Safe::line(&format!("{}{path}", show_host(host)))
        }
        _ => Safe::default(),
    }
}

fn within(url: &Url) -> Option<Url> {
    let web = |text: &str| {
        let url = Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let has_name = url.host_str().is_some_and(|host| host.contains('.'));
        Some(url).filter(|_| is_web && has_name)
    };
    let is_web = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    let mut values = url.query_pairs().take(50).map(|(_, value)| value);
    let named = values
        .find(|value| is_web(value))
        .and_then(|value| web(&value));
    named.or_else(|| {
        let path = url.path().replace("%3A", ":").replace("%2F", "/");
        let path = path.replace("%3a", ":").replace("%2f", "/");
        let at = path.find("/https:/").or_else(|| path.find("/http:/"))?;
        web(path.get(at + 1..)?)
    })
}

/// A host as it is shown: in its own script where that cannot deceive, else as the A-label of RFC
/// 5890 that the network sees.
pub(crate) fn show_host(host: &str) -> String {
    if !host.contains("xn--") && host.is_ascii() {
        return host.to_owned();
    }
    let (unicode, result) = idna::domain_to_unicode(host);
    if result.is_err() || mixes_scripts(&unicode) || Safe::line(&unicode).as_str() != unicode {
        return idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
    }
    unicode
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(target: &str) -> Option<Link> {
        let mut links = Links::default();
        links.add(target)?;
        links.into_vec().into_iter().next()
    }

    #[test]
    fn only_web_and_mail_targets_are_links() {
        for target in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "cid:1@x",
            "/relative",
            "",
            "#top",
            "http://",
            "vbscript:x",
            " java\nscript:x",
        ] {
            assert_eq!(one(target), None, "{target}");
        }
        assert!(one("HTTPS://x.org").is_some());
        assert!(one("mailto:a@b").is_some());
        assert!(one(&format!("http://x/{}", "a".repeat(TARGET_MAX))).is_none());
    }

    #[test]
    fn the_host_is_the_one_a_browser_would_go_to() {
        for (target, host) in [
            ("http://bank.com@evil.org/", "evil.org"),
            ("http://bank.com\\@evil.org/", "bank.com"),
            ("http://evil.org\\.bank.com/", "evil.org"),
            ("http://b%61nk.com/", "bank.com"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://bücher.de/", "bücher.de"),
            ("http://xn--bcher-kva.de/", "bücher.de"),
            ("http://p\u{430}ypal.com/", "xn--pypal-4ve.com"),
            (
                "http://\u{430}\u{440}\u{440}\u{4cf}\u{435}.com/",
                "xn--80ak6aa92e.com",
            ),
            ("http://пример.рф/", "пример.рф"),
            ("http://日本.jp/", "日本.jp"),
        ] {
            let link = one(target).unwrap();
            assert_eq!(link.host.as_str(), host, "{target}");
            assert!(
                link.shown.as_str().contains(host),
                "{target}: {}",
                link.shown
            );
        }
    }

    #[test]
    fn a_user_part_that_looks_like_a_host_is_not_shown() {
        let link = one("https://www.bank.com:443@evil.org/login").unwrap();
        assert_eq!(link.shown.as_str(), "https://evil.org/login");
        assert_eq!(link.target, "https://www.bank.com:443@evil.org/login");
    }

    #[test]
    fn where_a_counted_link_leads_on_to_is_told_if_the_address_tells() {
        for (target, onward) in [
            (
                "https://click.example.net/c?u=1&url=https%3A%2F%2Fshop.example%2Fsale%3Fx",
                "shop.example/sale",
            ),
            (
                "https://a.example/?to=https%3A%2F%2Fb.example%2F%3Fto%3Dhttps%253A%252F%252Fc.example%252F",
                "c.example",
            ),
            (
                "https://click.example.net/CL0/https:%2F%2Fshop.example%2Fx/1/0",
                "shop.example/x/1/0",
            ),
            ("https://click.example.net/ls/click?upn=u001.Zx", ""),
            (
                "https://shop.example/login?next=https://shop.example/cart",
                "",
            ),
            (
                "https://p\u{430}ypal.com/?u=https://p\u{430}ypal.org",
                "xn--pypal-4ve.org",
            ),
        ] {
            assert_eq!(one(target).unwrap().onward.as_str(), onward, "{target}");
        }
    }

    #[test]
    fn a_target_that_comes_again_keeps_its_number() {
        let mut links = Links::default();
        assert_eq!(links.add("http://x/"), Some(0));
        assert_eq!(links.add("http://y/"), Some(1));
        assert_eq!(links.add("http://x"), Some(0));
        links.carry(0, &Safe::fixed("click"), true);
        links.carry(0, &Safe::fixed("here"), false);
        links.carry(0, &Safe::fixed("again"), true);
        assert_eq!(links.into_vec()[0].text.as_str(), "click here");
    }
}
