//! Whether the sender is who the message says: what one's server proved, and what does not fit.
//!
//! Called by `cards`. "Verified" may only be said of the domain in From, and only where the trusted
//! server says that it is.

use super::super::headers::Headers;
use super::auth::{Checked, is_aligned};
use super::short;
use crate::model::{Card, CardKind, CardLine, Tone};

const NAME_MAX: usize = 100;

/// The card of the sender, where there is anything to say.
pub(super) fn card(headers: &Headers<'_>, checked: Option<&[Checked]>) -> Option<Card> {
    let mut lines = doubts(headers);
    lines.extend(checked.and_then(|checked| verdict(headers, checked)));
    (!lines.is_empty()).then_some(Card {
        kind: CardKind::Sender,
        lines,
    })
}

/// The domain of the one address in From; `None` where there is more or less than one.
fn domain(headers: &Headers<'_>) -> Option<String> {
    let from = headers.addresses("From");
    let [one] = from.as_slice() else { return None };
    let (_, domain) = one.address.rsplit_once('@')?;
    Some(domain.to_ascii_lowercase())
}

fn verdict(headers: &Headers<'_>, checked: &[Checked]) -> Option<CardLine> {
    let from = domain(headers)?;
    let of =
        |method: &str| -> Vec<&Checked> { checked.iter().filter(|c| c.method == method).collect() };
    let is_ours = |c: &Checked| c.domain().is_some_and(|d| is_aligned(d, &from));
    let passes = |c: &&&Checked| c.result == "pass" && is_ours(c);
    let dmarc = of("dmarc");
    // The result of DMARC is about the domain in From by its nature.
    let is_dmarc = dmarc
        .iter()
        .any(|c| c.result == "pass" && (c.domain().is_none() || is_ours(c)));
    let has_dkim = of("dkim").iter().any(|c| passes(&c));
    let has_spf = of("spf").iter().any(|c| passes(&c));
    let is_refused = dmarc.iter().any(|c| c.result == "fail");
    if (is_dmarc || has_dkim) && !is_refused {
        let proofs: Vec<&str> = [(has_dkim, "DKIM"), (has_spf, "SPF"), (is_dmarc, "DMARC")]
            .into_iter()
            .filter_map(|(is_there, name)| is_there.then_some(name))
            .collect();
        let text = format!(
            "{} verified ({})",
            short(&from, NAME_MAX),
            proofs.join(", ")
        );
        return Some(CardLine::new(Tone::Good, &text));
    }
    let mut failed: Vec<String> = Vec::new();
    for (method, name) in [("spf", "SPF"), ("dkim", "DKIM"), ("dmarc", "DMARC")] {
        let all = of(method);
        let is_bad = |c: &&&Checked| matches!(c.result.as_str(), "fail" | "softfail" | "policy");
        let has_good = all.iter().any(|c| passes(&c));
        if let Some(bad) = all.iter().find(is_bad).filter(|_| !has_good) {
            failed.push(format!("{name} {}", bad.result));
        }
    }
    if !failed.is_empty() {
        let text = format!("Failed: {}. The sender may be forged", failed.join(", "));
        return Some(CardLine::new(Tone::Warning, &text));
    }
    if has_spf {
        let text = format!("Sent by a server of {} (SPF)", short(&from, NAME_MAX));
        return Some(CardLine::new(Tone::Plain, &text));
    }
    let signers = of("dkim").into_iter().filter(|c| c.result == "pass");
    let signer = signers.filter_map(Checked::domain).next()?;
    let text = format!(
        "Signed by {}, which proves nothing of {}",
        short(signer, NAME_MAX),
        short(&from, NAME_MAX)
    );
    Some(CardLine::new(Tone::Dim, &text))
}

/// What does not fit together in the fields that name people.
fn doubts(headers: &Headers<'_>) -> Vec<CardLine> {
    let mut lines = Vec::new();
    let mut warn = |text: String| lines.push(CardLine::new(Tone::Warning, &text));
    let from = headers.addresses("From");
    if from.len() > 1 {
        warn(format!(
            "{} senders are named; nobody knows which one wrote",
            from.len()
        ));
    }
    for sender in from.iter().take(3) {
        let claimed = sender
            .name
            .split(|c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c));
        let claimed = claimed.map(|word| word.trim_matches('.')).find(|word| {
            word.split_once('@')
                .is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
        });
        if let Some(claimed) = claimed
            && !claimed.eq_ignore_ascii_case(&sender.address)
        {
            warn(format!(
                "The name says {}, but it is from {}",
                short(claimed, NAME_MAX),
                short(&sender.address, NAME_MAX)
            ));
        }
    }
    // Lists have answers go to themselves.
    let is_list = headers.get("List-Id").is_some() || headers.get("List-Post").is_some();
    let reply_to = headers.addresses("Reply-To");
    if let ([one], false) = (from.as_slice(), is_list)
        && let Some((_, host)) = one.address.rsplit_once('@')
    {
        let is_other = |to: &&crate::model::Address| {
            let there = to.address.rsplit_once('@').map(|(_, there)| there);
            there.is_some_and(|there| !is_related(there, host))
        };
        if let Some(other) = reply_to.iter().find(is_other) {
            warn(format!(
                "An answer goes to {}, not to {}",
                short(&other.address, NAME_MAX),
                short(host, NAME_MAX)
            ));
        }
    }
    lines
}

/// Whether two domains look like the same owner's: they end in the same two labels, or in the same
/// three where the second one is short, as in `co.uk`.
fn is_related(one: &str, other: &str) -> bool {
    let tail = |host: &str| {
        let host = host.trim_matches('.').to_ascii_lowercase();
        let labels: Vec<&str> = host.rsplit('.').collect();
        let is_short = labels.first().is_some_and(|top| top.len() == 2)
            && labels.get(1).is_some_and(|second| second.len() <= 3);
        let count = if is_short { 3 } else { 2 };
        labels
            .into_iter()
            .take(count)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    tail(one) == tail(other)
}

#[cfg(test)]
mod tests {
    use super::super::super::parse_headers;
    use super::super::auth::checked;
    use super::*;

    fn said(results: &str, fields: &str) -> Vec<(Tone, String)> {
        let raw = format!("Authentication-Results: mx; {results}\r\n{fields}\r\n\r\n");
        let headers = parse_headers(raw.as_bytes());
        let checked = checked(&headers, "mx");
        let card = card(&headers, checked.as_deref());
        let lines = card.map(|c| c.lines).unwrap_or_default();
        lines
            .iter()
            .map(|l| (l.tone, l.text.as_str().to_owned()))
            .collect()
    }

    #[test]
    fn only_the_domain_in_from_is_ever_verified() {
        for (results, tone, words) in [
            (
                "dkim=pass header.d=example.org; dmarc=pass header.from=example.org",
                Tone::Good,
                "example.org verified (DKIM, DMARC)",
            ),
            (
                "dkim=pass header.d=mail.example.org",
                Tone::Good,
                "example.org verified (DKIM)",
            ),
            (
                "dkim=pass header.d=evil.example",
                Tone::Dim,
                "Signed by evil.example, which proves nothing of example.org",
            ),
            (
                "spf=pass smtp.mailfrom=x@example.org",
                Tone::Plain,
                "Sent by a server of example.org (SPF)",
            ),
            (
                "spf=fail smtp.mailfrom=example.org; dkim=none; dmarc=fail header.from=example.org",
                Tone::Warning,
                "Failed: SPF fail, DMARC fail. The sender may be forged",
            ),
            (
                "dkim=pass header.d=example.org; dmarc=fail header.from=example.org",
                Tone::Warning,
                "Failed: DMARC fail. The sender may be forged",
            ),
            (
                "dkim=fail header.d=list.example; dkim=pass header.d=example.org",
                Tone::Good,
                "example.org verified (DKIM)",
            ),
        ] {
            assert_eq!(
                said(results, "From: Ann <ann@example.org>"),
                [(tone, words.to_owned())]
            );
        }
        let two = said("dmarc=pass", "From: a@example.org, b@evil.example");
        assert!(
            two.iter().all(|(tone, _)| *tone == Tone::Warning),
            "{two:?}"
        );
        assert_eq!(said("dkim=none; spf=none", "From: ann@example.org"), []);
    }

    #[test]
    fn what_does_not_fit_is_told_once_each() {
        let words = |fields: &str| -> Vec<String> {
            said("x=y", fields)
                .into_iter()
                .map(|(_, text)| text)
                .collect()
        };
        assert_eq!(
            words("From: \"boss@bank.com\" <evil@x.example>"),
            ["The name says boss@bank.com, but it is from evil@x.example"]
        );
        assert_eq!(
            words("From: a@b.example, c@d.example"),
            ["2 senders are named; nobody knows which one wrote"]
        );
        assert_eq!(
            words("From: a@shop.example\r\nReply-To: thief@free.test"),
            ["An answer goes to thief@free.test, not to shop.example"]
        );
        for fine in [
            "From: \"Ann ann@b.example\" <ANN@b.example>",
            "From: \"Ann @ work\" <ann@b.example>",
            "From: a@mail.shop.example\r\nReply-To: help@shop.example",
            "From: a@b.example\r\nReply-To: l@lists.test\r\nList-Id: <l.lists.test>",
        ] {
            assert_eq!(words(fine), Vec::<String>::new(), "{fine}");
        }
        assert!(!is_related("a.co.uk", "b.co.uk"));
        assert!(is_related("x.a.co.uk", "a.co.uk"));
    }
}
