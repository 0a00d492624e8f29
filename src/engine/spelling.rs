//! Looks for misspelt words by `aspell` or `hunspell`, whichever is there, in its pipe mode.
//!
//! Asked by `dispatch`. Quotes, links and addresses are not the writer's words and never go to the
//! program; a line of the text must never be a command to it.

use super::program::{self, Ended, Fault, Limits, Stop, Streams};
use crate::bus::{Event, Problem, RequestId, WritingEvent};
use crate::model::Safe;
use linkify::{LinkFinder, LinkKind};
use std::process::Command;
use std::time::Duration;
use tokio::sync::mpsc;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    output_bytes: 8 * 1024 * 1024,
};
/// Of a longer text the beginning is looked at.
const TEXT_BYTES_MAX: usize = 512 * 1024;
/// So many words are told.
const WORDS_MAX: usize = 500;
/// So many proposals for each.
const PROPOSALS_MAX: usize = 5;
/// Below it stands what was written once and for all (RFC 3676 section 4.3).
const SIGNATURE_MARK: &str = "-- ";

/// Answers one request. Dropping this ends the program too.
pub(crate) async fn spell(
    request: RequestId,
    text: String,
    language: String,
    events: mpsc::Sender<Event>,
) {
    let stop = Stop::default();
    let _guard = stop.on_drop();
    let job = tokio::task::spawn_blocking(move || misspelt(&text, &language, &stop));
    let event = match job.await {
        Ok(Ok(words)) => Event::Writing(WritingEvent::Misspelt { request, words }),
        Ok(Err(summary)) => failed(request, &summary),
        Err(_) => failed(request, "the spell check was lost"),
    };
    let _gone = events.send(event).await;
}

/// Which program looks for misspelt words of that language (empty: the one it takes by itself).
///
/// # Errors
/// When none does, in words for the user.
pub fn look_at_spelling(language: &str) -> Result<String, String> {
    let ended = check("!\n^a\n", language, &Stop::default())?;
    let said = String::from_utf8_lossy(&ended.output).into_owned();
    let name = if said.contains("Hunspell") {
        "hunspell"
    } else {
        "aspell"
    };
    Ok(match language {
        "" => name.to_owned(),
        language => format!("{name}, {language}"),
    })
}

fn failed(request: RequestId, summary: &str) -> Event {
    Event::Failed {
        request,
        problem: Problem {
            account: None,
            summary: Safe::line(summary),
            hint: Safe::fixed("install aspell or hunspell with a dictionary of your language"),
        },
    }
}

/// The words, each once, in their order, with proposals.
fn misspelt(text: &str, language: &str, stop: &Stop) -> Result<Vec<(Safe, Vec<Safe>)>, String> {
    let input = prepared(text);
    let ended = check(&input, language, stop)?;
    Ok(words(&String::from_utf8_lossy(&ended.output), text))
}

/// The programs in the order in which they are tried.
fn programs(language: &str) -> [Command; 2] {
    let mut aspell = Command::new("aspell");
    aspell.args(["-a", "--encoding=utf-8"]);
    let mut hunspell = Command::new("hunspell");
    hunspell.args(["-a", "-i", "utf-8"]);
    if is_language(language) {
        aspell.arg(format!("--lang={language}"));
        hunspell.args(["-d", language]);
    }
    [aspell, hunspell]
}

/// Whether it can be the name of a dictionary, and nothing that a program could take for more.
fn is_language(text: &str) -> bool {
    let is_in = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 30
        && text.chars().all(is_in)
}

fn check(input: &str, language: &str, stop: &Stop) -> Result<Ended, String> {
    let mut why = None;
    for mut command in programs(language) {
        let input = input.as_bytes().to_vec();
        match program::run(&mut command, Streams::Kept(input), LIMITS, stop) {
            Ok(ended) if ended.is_success && ended.output.starts_with(b"@") => return Ok(ended),
            Ok(ended) => {
                let said = String::from_utf8_lossy(&ended.errors);
                let said: String = said.trim().chars().take(200).collect();
                let name = command.get_program().to_string_lossy();
                why = Some(format!("{name} does not work: {said}"));
            }
            Err(Fault::Missing(_)) => {}
            Err(fault) => why = Some(fault.to_string()),
        }
    }
    Err(why.unwrap_or_else(|| "there is no spell checker".to_owned()))
}

/// The text as the program may read it: without quotes, links and addresses, each line marked as
/// text, so that none is a command.
fn prepared(text: &str) -> String {
    let mut end = TEXT_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    // Terse mode: it does not name what is right.
    let mut out = String::from("!\n");
    let is_quote = |line: &str| line.trim_start().starts_with('>');
    let mut lines = text
        .lines()
        .take_while(|line| *line != SIGNATURE_MARK)
        .peekable();
    while let Some(line) = lines.next() {
        // The line above a quote tells who wrote it.
        let is_above = line.trim_end().ends_with(':') && lines.peek().is_some_and(|l| is_quote(l));
        if is_quote(line) || is_above {
            continue;
        }
        out.push('^');
        out.push_str(&own_words(line));
        out.push('\n');
    }
    out
}

/// The line without links, addresses and controls, with plain apostrophes.
fn own_words(line: &str) -> String {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]);
    finder.url_must_have_scheme(false);
    let plain = |c: char| match c {
        '\u{2019}' => '\'',
        c if c.is_control() => ' ',
        c => c,
    };
    let mut out = String::with_capacity(line.len());
    for span in finder.spans(line) {
        if span.kind().is_some() {
            out.push(' ');
        } else {
            out.extend(span.as_str().chars().map(plain));
        }
    }
    out
}

/// What the program found wrong: `& word count offset: a, b` and `# word offset`.
fn words(output: &str, text: &str) -> Vec<(Safe, Vec<Safe>)> {
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for line in output.lines() {
        let Some(rest) = line.strip_prefix("& ").or_else(|| line.strip_prefix("# ")) else {
            continue;
        };
        let Some(word) = rest.split(' ').next() else {
            continue;
        };
        let mut word = word.to_owned();
        if word.contains('\'') && !text.contains(&word) {
            word = word.replace('\'', "\u{2019}");
        }
        if word.is_empty() || !text.contains(&word) || !seen.insert(word.clone()) {
            continue;
        }
        let proposals = rest.split_once(": ").map_or("", |(_, proposals)| proposals);
        let proposals = proposals.split(", ").filter(|p| !p.is_empty());
        let proposals = proposals.take(PROPOSALS_MAX).map(Safe::line).collect();
        found.push((Safe::line(&word), proposals));
        if found.len() == WORDS_MAX {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_writers_own_words_go_to_the_program_and_none_as_a_command() {
        let text = "*add me\n> qouted\n  > qouted too\nsee https://exmaple.org/wrnog or ann@exmaple.org now\n\
            www.exmaple.org\n!\na\u{1b}b don\u{2019}t";
        assert_eq!(
            prepared(text),
            "!\n^*add me\n^see   or   now\n^ \n^!\n^a b don't\n"
        );
        assert!(prepared(&"\u{e9}".repeat(TEXT_BYTES_MAX)).len() <= TEXT_BYTES_MAX + 10);
    }

    #[test]
    fn neither_who_wrote_a_quote_nor_the_signature_is_checked() {
        let text = "Hello:\nOn Monday Wojcik wrote:\n> x\n\nYes.\n-- \nAnn\n";
        assert_eq!(prepared(text), "!\n^Hello:\n^\n^Yes.\n");
    }

    #[test]
    fn answers_are_read_with_few_proposals_and_each_word_once() {
        let output = "@(#) International Ispell\n\
            & wrld 7 0: weld, world, wild, wold, riled, ruled, would\n# xqzt 4\n& wrld 1 0: world\n\
            & dosn't 1 0: doesn't\n& forged 1 0: x\n\n";
        let found = words(output, "wrld xqzt wrld dosn\u{2019}t");
        let shown: Vec<(&str, usize)> = found.iter().map(|(w, p)| (w.as_str(), p.len())).collect();
        assert_eq!(shown, [("wrld", 5), ("xqzt", 0), ("dosn\u{2019}t", 1)]);
    }

    #[test]
    fn the_language_cannot_be_an_option() {
        for (language, is_one) in [
            ("en_GB", true),
            ("de-alt", true),
            ("", false),
            ("--conf=/x", false),
            ("a b", false),
        ] {
            assert_eq!(is_language(language), is_one, "{language}");
        }
    }

    #[test]
    fn a_real_program_finds_what_is_wrong_and_leaves_quotes_alone() {
        let text = "This is a wrnog word.\n> and a qouted one\nhttps://exmaple.org";
        match misspelt(text, "en", &Stop::default()) {
            Ok(words) => {
                assert_eq!(words.len(), 1, "{words:?}");
                assert_eq!(words[0].0.as_str(), "wrnog");
                assert!(words[0].1.iter().any(|p| p.as_str() == "wrong"));
            }
            Err(why) => eprintln!("skipped, there is no spell checker for English: {why}"),
        }
    }
}
