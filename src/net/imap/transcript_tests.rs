//! Plays every transcript of `tests/transcripts`: one file for each quirk of a server.
//!
//! The true session runs over a stream in memory; time stands still, so that a wait that never ends
//! shows at once as a timeout.

use super::peer_tests::{Script, Step};

#[tokio::test(start_paused = true)]
async fn every_transcript_ends_as_written() {
    let mut wrong = Vec::new();
    for script in Script::all() {
        let (outcomes, complaint) = script.play(script.steps.clone()).await;
        if let Some(complaint) = complaint {
            wrong.push(format!("{}: {complaint}", script.name));
        }
        for (call, outcome) in script.calls.iter().zip(&outcomes) {
            if call.outcome != *outcome {
                wrong.push(format!(
                    "{}: {}\n  wanted:\n    {}\n  got:\n    {}",
                    script.name,
                    call.words,
                    call.outcome.join("\n    "),
                    outcome.join("\n    ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The server's part up to that many bytes, then the end of the connection.
fn cut(steps: &[Step], mut bytes: usize) -> Vec<Step> {
    let mut part = Vec::new();
    for step in steps {
        match step {
            Step::Say(said) if said.len() > bytes => {
                part.push(Step::Say(said[..bytes].to_vec()));
                break;
            }
            Step::Say(said) => {
                bytes -= said.len();
                part.push(step.clone());
            }
            Step::Expect(_) => part.push(step.clone()),
            Step::HangUp => break,
        }
    }
    part.push(Step::HangUp);
    part
}

/// A call may fail, or give what was written; nothing in between. A window of a fetch that was
/// complete before the cut may have been given out.
fn is_honest(wanted: &[String], got: &[String]) -> bool {
    let is_error = got.last().is_some_and(|line| line.starts_with("error "));
    let (body, _) = got.split_at(got.len() - usize::from(is_error));
    if is_error {
        let is_prefix = wanted.starts_with(body);
        let at_window = wanted
            .get(body.len())
            .is_none_or(|l| l.starts_with("window ") || l.starts_with("error "));
        return body.is_empty() || (is_prefix && at_window);
    }
    got == wanted
}

#[tokio::test(start_paused = true)]
async fn a_connection_cut_at_any_byte_is_never_a_wrong_success() {
    for script in Script::all() {
        let total = script.said();
        for bytes in 0..total {
            let (outcomes, _) = script.play(cut(&script.steps, bytes)).await;
            let mut is_down = false;
            for (call, outcome) in script.calls.iter().zip(&outcomes) {
                // What needs no answer may well come out right without one, and what was told
                // before the end may still be taken.
                let needs_none = match call.words.split(' ').next() {
                    Some("notices" | "unknown" | "can" | "debug" | "abandon-idle") => true,
                    Some("idle") => is_down,
                    _ => false,
                };
                is_down |= outcome
                    .last()
                    .is_some_and(|line| line.starts_with("error "));
                assert!(
                    needs_none || is_honest(&call.outcome, outcome),
                    "{} cut at {bytes}: {} gave {outcome:#?}",
                    script.name,
                    call.words
                );
            }
        }
    }
}
