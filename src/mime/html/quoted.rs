//! What stands below the header block that some mail programs put above the message that they answer.
//!
//! Called by `html` on the blocks of a page. They quote without saying so: what follows the block is
//! a quote, or a reader could not fold it. Must never mark what the sender wrote first.

use super::block::{Block, Content};

/// How far the names of the block may stand from one another.
const REACH: usize = 8;

const FROM: &[&str] = &[
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "od",
    "lähettäjä",
    "от",
    "від",
    "feladó",
    "kimden",
    "差出人",
    "发件人",
    "寄件者",
    "보낸 사람",
    "מאת",
    "من",
];
const DATE: &[&str] = &[
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "inviato",
    "data",
    "verzonden",
    "skickat",
    "sendt",
    "enviado",
    "wysłano",
    "lähetetty",
    "отправлено",
    "дата",
    "送信日時",
    "日時",
    "发送时间",
    "寄件日期",
];
const SUBJECT: &[&str] = &[
    "subject",
    "betreff",
    "objet",
    "oggetto",
    "onderwerp",
    "ämne",
    "emne",
    "asunto",
    "assunto",
    "temat",
    "aihe",
    "тема",
    "件名",
    "主题",
    "主旨",
    "제목",
];

const RECIPIENTS: &[&str] = &[
    "to", "cc", "an", "à", "a", "per", "aan", "till", "til", "para", "do", "кому", "kopie",
];

/// Whether a line of such a block names recipients.
pub(crate) fn is_recipients(text: &str) -> bool {
    names(text, RECIPIENTS)
}

/// Whether a line begins with one of these names and a colon.
fn names(text: &str, among: &[&str]) -> bool {
    let lead: String = text.chars().take(24).collect();
    let Some((name, _)) = lead.split_once([':', '：']) else {
        return false;
    };
    let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '\u{a0}'));
    let name = name.to_lowercase();
    among.contains(&name.as_str())
}

fn is_mark(text: &str) -> bool {
    let inner = text.trim().trim_matches('-').trim().to_lowercase();
    text.trim().starts_with("---")
        && matches!(
            inner.as_str(),
            "original message"
                | "ursprüngliche nachricht"
                | "message d'origine"
                | "original appointment"
                | "messaggio originale"
                | "oorspronkelijk bericht"
                | "mensaje original"
        )
}

/// Marks what follows such a block as quoted, one level deeper for each.
pub(super) fn mark_quoted(blocks: &mut [Block]) {
    let texts: Vec<Option<&str>> = blocks
        .iter()
        .map(|b| b.text().map(|t| t.text.as_str()))
        .collect();
    let mut deeper = vec![0usize; blocks.len()];
    let mut depth = 0usize;
    let mut quoted_from = 0;
    let mut has_own = false;
    for (n, block) in blocks.iter().enumerate() {
        let text = texts.get(n).copied().flatten().unwrap_or_default();
        if n >= quoted_from {
            let len = block_len(texts.get(n..).unwrap_or_default());
            if len > 0 && has_own && block.quote == 0 {
                quoted_from = n + len;
                if let Some(place) = deeper.get_mut(quoted_from) {
                    *place = 1;
                }
            }
            has_own |=
                !matches!(block.content, Content::Rule | Content::Hidden(_)) && !text.is_empty();
        }
    }
    for (block, deeper) in blocks.iter_mut().zip(deeper) {
        depth += deeper;
        block.quote += depth;
    }
}

/// How many blocks make up the header block that begins here; 0 where none does.
pub(crate) fn block_len(texts: &[Option<&str>]) -> usize {
    let mut lead = 0;
    if texts.first().copied().flatten().is_some_and(is_mark) {
        lead = 1;
    }
    let near: Vec<&str> = texts
        .iter()
        .skip(lead)
        .take(REACH)
        .map(|t| t.unwrap_or_default())
        .collect();
    if !near.first().is_some_and(|text| names(text, FROM)) {
        return lead;
    }
    let has_date = near.iter().any(|text| names(text, DATE));
    let subject = near.iter().position(|text| names(text, SUBJECT));
    match subject {
        Some(at) if has_date => {
            let dated = near.iter().position(|text| names(text, DATE)).unwrap_or(at);
            lead + at.max(dated) + 1
        }
        _ => lead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_blocks_are_known_in_many_tongues_and_letters_are_not() {
        let len = |texts: &[&str]| {
            let texts: Vec<Option<&str>> = texts.iter().map(|t| Some(*t)).collect();
            block_len(&texts)
        };
        assert_eq!(
            len(&[
                "From: Ann",
                "Sent: Monday",
                "To: Bob",
                "Subject: Tea",
                "Hello"
            ]),
            4
        );
        assert_eq!(
            len(&["Von: Ann", "Gesendet: Montag", "An: Bob", "Betreff: Tee"]),
            4
        );
        assert_eq!(
            len(&[
                "-----Original Message-----",
                "From: A",
                "Date: B",
                "Subject: C"
            ]),
            4
        );
        assert_eq!(len(&["-----Original Message-----", "Hello"]), 1);
        assert_eq!(
            len(&["From: the beginning", "it was clear", "Subject: none"]),
            0
        );
        assert_eq!(len(&["From here on, we walk"]), 0);
    }
}
