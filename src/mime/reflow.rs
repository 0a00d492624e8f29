//! Joins lines that were wrapped for a wider screen than this one, so that a paragraph does not
//! break in the middle of each line once more.
//!
//! Called by `text` for mail that is not `format=flowed`. Must never join what was not wrapped:
//! lists, code, verses, signatures.

use super::text::Paragraph;
use super::wrap::columns;
use crate::model::Line;
use unicode_segmentation::UnicodeSegmentation;

/// Nobody wraps prose at less; what ends earlier was ended on purpose.
const WRAPPED_MIN: usize = 40;

/// The lines for a screen of `width` columns.
pub(super) fn reflow(lines: Vec<Paragraph>, width: usize) -> Vec<Paragraph> {
    let mut out = Vec::with_capacity(lines.len());
    let mut run: Vec<Paragraph> = Vec::new();
    let mut indent = 0;
    let mut is_signature = false;
    for line in lines {
        is_signature = (is_signature && line.quote == 0) || line.text == "-- ";
        let goes_on = !is_signature
            && run.last().is_some_and(|last| last.quote == line.quote)
            && is_prose(&line.text, indent);
        if !goes_on {
            close(&mut run, width, &mut out);
            indent = marker(&line.text);
        }
        // What is no prose itself begins no paragraph.
        if goes_on || (!is_signature && (indent > 0 || is_prose(&line.text, 0))) {
            run.push(line);
        } else {
            out.push(line);
        }
    }
    close(&mut run, width, &mut out);
    out
}

/// Whether the line could go on a paragraph whose text begins at that column.
fn is_prose(text: &str, indent: usize) -> bool {
    let rest = text.trim_start_matches(' ');
    let is_word = |c: char| c.is_alphanumeric() || "\"'“‘„«(¿¡".contains(c);
    text.len() - rest.len() == indent && marker(rest) == 0 && rest.starts_with(is_word)
}

/// The columns that the mark of a list item takes; 0 where there is none.
fn marker(text: &str) -> usize {
    let Some((mark, rest)) = text.split_once(' ') else {
        return 0;
    };
    let number = mark.trim_end_matches(['.', ')']);
    let is_number = !number.is_empty()
        && number.len() < mark.len()
        && number.len() <= 2
        && number.bytes().all(|b| b.is_ascii_digit());
    let is_mark = matches!(mark, "-" | "*" | "•" | "–") || is_number;
    let is_item = is_mark && !rest.is_empty() && !rest.starts_with(' ');
    if is_item { columns(mark) + 1 } else { 0 }
}

/// Joins a run of lines where it is too wide and looks wrapped: at most of its breaks, the next
/// line's first word had no room any more.
fn close(run: &mut Vec<Paragraph>, width: usize, out: &mut Vec<Paragraph>) {
    let widest = run.iter().map(|l| columns(&l.text)).max().unwrap_or(0);
    let quote = run
        .first()
        .map_or(0, |l| super::text::quote_shown(l.quote, width));
    let room = width.saturating_sub(Line::quote_cols(quote));
    let is_full = |line: &Paragraph, next: &Paragraph| {
        columns(line.text.trim_end()) + 1 + first_word(next.text.trim_start()) > widest
    };
    let breaks = run.len().saturating_sub(1);
    let full = run.windows(2).filter(|pair| match pair {
        [line, next] => is_full(line, next),
        _ => false,
    });
    if widest <= room || widest < WRAPPED_MIN || breaks == 0 || full.count() * 3 < breaks * 2 {
        out.append(run);
        return;
    }
    let mut was_full = false;
    let mut lines = run.drain(..).peekable();
    while let Some(line) = lines.next() {
        let is_full = lines.peek().is_some_and(|next| is_full(&line, next));
        match out.last_mut() {
            Some(last) if was_full => {
                let kept = last.text.trim_end().len();
                last.text.truncate(kept);
                let more = line.text.trim_start();
                if !(last.text.ends_with(is_wide) && more.starts_with(is_wide)) {
                    last.text.push(' ');
                }
                last.text.push_str(more);
            }
            _ => out.push(line),
        }
        was_full = is_full;
    }
}

/// The columns of what must stand together at the beginning of a line.
fn first_word(text: &str) -> usize {
    if text.starts_with(is_wide) {
        return text.graphemes(true).next().map_or(0, columns);
    }
    text.split(' ').next().map_or(0, columns)
}

/// Scripts that are written without blanks.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str, width: usize) -> Vec<String> {
        let lines = text.split('\n').map(|line| {
            let rest = line.trim_start_matches('>');
            Paragraph {
                quote: line.len() - rest.len(),
                text: rest
                    .strip_prefix(' ')
                    .filter(|_| rest.len() < line.len())
                    .unwrap_or(rest)
                    .to_owned(),
            }
        });
        let found = reflow(lines.collect(), width);
        found
            .into_iter()
            .map(|p| format!("{}{}", ">".repeat(p.quote), p.text))
            .collect()
    }

    const WRAPPED: &str = "The venue is booked for the evening of the twenty-fourth\n\
        and the press list is nearly done, but for two papers that\nhave not answered yet.";

    #[test]
    fn prose_wrapped_for_a_wider_screen_is_joined_and_else_left_alone() {
        let all = WRAPPED.replace('\n', " ");
        assert_eq!(joined(WRAPPED, 40), [all.as_str()]);
        assert_eq!(joined(WRAPPED, 60).len(), 3);
        let quoted = format!("> {}", WRAPPED.replace('\n', "\n> "));
        assert_eq!(joined(&quoted, 40), [format!(">{all}")]);
        assert_eq!(joined(&format!("Hello,\n\n{WRAPPED}\n\nBye"), 40).len(), 5);
    }

    #[test]
    fn list_items_are_joined_each_for_itself() {
        let items = "- the venue is booked for the evening of the twenty-fourth\n  of the month to come\n\
            - the press list is nearly done, but for two papers that\n  have not answered";
        assert_eq!(
            joined(items, 40),
            [
                "- the venue is booked for the evening of the twenty-fourth of the month to come",
                "- the press list is nearly done, but for two papers that have not answered"
            ]
        );
    }

    #[test]
    fn what_was_ended_on_purpose_stays() {
        for text in [
            "-- \nAnn Example, who has a very long title at a company\nwith an address that is long as well and goes on",
            "    let indented = code_that_is_wider_than_the_screen(with, arguments);\n    return indented;",
            "+an added line of a patch that is wider than the screen is\n+and another one",
            "A short line\nand one that is so much longer than all the others are\nand then\nsome more\nshort ones",
        ] {
            let lines: Vec<&str> = text.split('\n').collect();
            assert_eq!(joined(text, 40), lines, "{text}");
        }
    }

    #[test]
    fn scripts_without_blanks_are_joined_without_them() {
        let line = "会議の議事録について来週の予定をご確認ください会議の議事録";
        assert_eq!(
            joined(&format!("{line}\n{line}"), 40),
            [format!("{line}{line}")]
        );
    }
}
