//! The subject of an answer and of a message passed on: one prefix, however many were there.
//!
//! Called by `reply`. Takes linear time, and must never take a word of the subject for a prefix.

use super::field::one_line;

/// More of a subject is not taken over.
const CHARS_MAX: usize = 1000;
/// What other programs put before the subject of an answer.
const REPLY: [&str; 20] = [
    "re", "aw", "antw", "antwort", "sv", "vs", "ynt", "odp", "r", "rif", "res", "rép", "ref",
    "bls", "atb", "vá", "σχετ", "回复", "答复", "回覆",
];
/// And before that of a message passed on.
const FORWARD: [&str; 14] = [
    "fwd", "fw", "wg", "tr", "rv", "enc", "vb", "vl", "pd", "i", "doorst", "προθ", "转发", "轉寄",
];

/// `Re: subject`.
pub(super) fn reply_subject(subject: &str) -> String {
    format!("Re: {}", without(subject, &REPLY))
        .trim_end()
        .to_owned()
}

/// `Fwd: subject`.
pub(super) fn forward_subject(subject: &str) -> String {
    format!("Fwd: {}", without(subject, &FORWARD))
        .trim_end()
        .to_owned()
}

/// The subject without such prefixes at its beginning, or behind the name of a list: `[list] Re: x`.
fn without(subject: &str, prefixes: &[&str]) -> String {
    let subject: String = one_line(subject).chars().take(CHARS_MAX).collect();
    let mut list = "";
    let mut rest = subject.as_str();
    loop {
        if let Some(after) = behind_prefix(rest, prefixes) {
            rest = after;
            continue;
        }
        // Only in front of a prefix is the name of a list passed over.
        let tag = rest.starts_with('[').then(|| rest.find(']')).flatten();
        let Some((tag, after)) = tag.and_then(|end| rest.split_at_checked(end + 1)) else {
            break;
        };
        let is_known = list.is_empty() || list == tag;
        match behind_prefix(after.trim_start(), prefixes) {
            Some(after) if is_known => {
                list = tag;
                rest = after;
            }
            _ => break,
        }
    }
    if list.is_empty() || rest.starts_with(list) {
        rest.to_owned()
    } else {
        format!("{list} {rest}")
    }
}

/// What follows `Re:`, `RE[2]:`, `Re^2:` or `Re (2) :`, if the text begins so.
fn behind_prefix<'a>(text: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    let at = text.find([':', '：'])?;
    let (head, after) = text.split_at_checked(at)?;
    let after = after.strip_prefix([':', '：'])?;
    let word = head.trim_end();
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^".contains(c));
    let word = word.trim_end();
    const WORD_MAX: usize = 24;
    if word.len() > WORD_MAX {
        return None;
    }
    let lower = word.to_lowercase();
    let is_prefix = prefixes.contains(&lower.as_str());
    // One letter is a prefix only where it stands as one: "R:" but not "r: a study".
    let is_word = word.chars().count() > 1 || (word.is_ascii() && word != lower);
    (is_prefix && is_word).then(|| after.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_one_prefix() {
        for (subject, reply) in [
            ("Hello", "Re: Hello"),
            ("Re: Hello", "Re: Hello"),
            ("RE: re:Re : Hello", "Re: Hello"),
            ("AW: Hallo", "Re: Hallo"),
            ("Antw: Re: SV: Hallo", "Re: Hallo"),
            ("Re[2]: Hello", "Re: Hello"),
            ("Re^3: Hello", "Re: Hello"),
            ("Re (2): Hello", "Re: Hello"),
            ("R: Ciao", "Re: Ciao"),
            ("回复：你好", "Re: 你好"),
            ("Fwd: Hello", "Re: Fwd: Hello"),
            ("[list] Re: Hello", "Re: [list] Hello"),
            ("Re: [list] Re: Hello", "Re: [list] Hello"),
            ("[list] Hello", "Re: [list] Hello"),
            ("[a] Re: [b] Re: x", "Re: [a] [b] Re: x"),
            ("Report: Hello", "Re: Report: Hello"),
            ("Regarding: x", "Re: Regarding: x"),
            ("r: a study", "Re: r: a study"),
            ("", "Re:"),
            ("Re:", "Re:"),
            ("Re: a\r\nBcc: x", "Re: a Bcc: x"),
        ] {
            assert_eq!(reply_subject(subject), reply, "{subject}");
        }
    }

    #[test]
    fn what_is_passed_on_has_one_prefix_too() {
        for (subject, forward) in [
            ("Hello", "Fwd: Hello"),
            ("FW: Fwd: Hello", "Fwd: Hello"),
            ("WG: Hallo", "Fwd: Hallo"),
            ("Re: Hello", "Fwd: Re: Hello"),
            ("I: Ciao", "Fwd: Ciao"),
            ("i: me", "Fwd: i: me"),
        ] {
            assert_eq!(forward_subject(subject), forward, "{subject}");
        }
    }

    #[test]
    fn a_flood_of_prefixes_is_cut() {
        assert_eq!(reply_subject(&"Re: ".repeat(100_000)), "Re:");
        assert!(reply_subject(&"[x] Re: y".repeat(100_000)).len() < 1100);
        assert!(reply_subject(&":".repeat(100_000)).len() < 1100);
    }
}
