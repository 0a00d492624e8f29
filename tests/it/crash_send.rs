//! The program killed right after each thing that it writes while it sends a message and files the
//! copy in a real Dovecot.
//!
//! A few points are tried here; `PILLARBOX_FULL=1 cargo test crash_send -- --nocapture` tries all of
//! them. After any kill nobody gets the message twice without the user's word, it is not lost once the
//! outbox has it, and there is one copy.

use crate::support::post::Post;
use crate::support::shim::{self, Blow, Calls};
use crate::support::sweep::stride;
use crate::support::{Kind, Output, Stage};
use pillarbox::demo::smtp::Options as Offer;
use std::fs;
use std::path::Path;

const LETTER: &str = "From: Ann <ann@example.org>\nTo: bo@there.test\nSubject: Greetings\n\
    Message-ID: <killed@example.org>\n\nHello Bo.\n";
/// What is said to either server when something becomes true there.
const WORDS: [&str; 8] = [
    "MAIL", "RCPT", "DATA", "Hello", "QUIT", "APPEND", "sync", "SELECT",
];
/// How many other points are tried.
const FEW: usize = 6;

/// A user with mail, an outgoing server, and a letter.
struct Scene {
    stage: Stage,
    post: Post,
}

impl Scene {
    fn new(stage: Stage) -> Self {
        let post = Post::start(Offer::default());
        let config = fs::read_to_string(stage.program.config_file()).unwrap();
        let config = match config.split_once("[accounts.work.smtp]") {
            Some((incoming, _)) => incoming.to_owned(),
            None => config,
        };
        stage
            .program
            .write_config(&format!("{config}{}", post.table("work")));
        fs::write(stage.program.folder().join("letter.eml"), LETTER).unwrap();
        Self { stage, post }
    }

    fn send_under(&self, shim: &Path, blow: Blow) -> (Output, Vec<shim::Call>) {
        let log = self.stage.program.folder().join("calls");
        drop(fs::remove_file(&log));
        let folder = self.stage.data_dir();
        let environment = shim::environment(shim, &folder, &log, Calls::All, blow);
        let output = self
            .stage
            .program
            .run_under(&["send", "letter.eml"], &environment);
        (output, shim::calls(&log))
    }

    fn state(&self) -> String {
        let rows = self.stage.program.run(&["outbox", "--json"]).expect(0);
        let rows = rows.json();
        rows.first().map_or("none".to_owned(), |row| {
            row["state"].as_str().unwrap().to_owned()
        })
    }

    fn copies(&self) -> usize {
        let mut client = self.stage.dovecot.client(&self.stage.users[0]);
        let found = client.search("Sent", "HEADER Message-ID killed@example.org");
        client.leave();
        found.len()
    }

    /// What must be so after a kill, whatever came of it.
    fn judge(&self, output: &Output) -> Result<(), String> {
        let hold = |is_so: bool, what: &str| {
            let taken = self.post.taken().len();
            let copies = self.copies();
            let state = self.state();
            is_so.then_some(()).ok_or_else(|| {
                format!("{what} (taken {taken}, copies {copies}, {state}, {output:?})")
            })
        };
        let taken = || self.post.taken().len();
        let (first, state) = (taken(), self.state());
        let is_killed = output.code.is_none();
        hold(
            output.code != Some(0) || first == 1,
            "called sent and was not",
        )?;
        hold(state != "none" || first == 1 || is_killed, "lost")?;
        self.stage.settle()?;
        if state == "none" && first == 0 {
            // It was killed before the outbox had the message, and nobody was told that it does.
            hold(taken() == 0, "sent out of nothing")?;
            return self.clean(0);
        }
        let is_unconfirmed = state == "unconfirmed";
        if is_unconfirmed {
            hold(taken() == first, "sent again without a word")?;
            let decision = if first == 1 { "cancel" } else { "retry" };
            self.stage.run(&["outbox", decision, "1"]);
            self.stage.settle()?;
        }
        hold(self.state() == "none", "not finished")?;
        hold(taken() == 1, "not once")?;
        let is_cancelled = is_unconfirmed && first == 1;
        let copies = usize::from(!is_cancelled);
        hold(self.copies() == copies, "not one copy")?;
        self.clean(usize::from(is_cancelled))
    }

    /// So many files are left, and the store shows what the server holds.
    fn clean(&self, files: usize) -> Result<(), String> {
        let left = fs::read_dir(self.stage.data_dir().join("outbox"));
        let left = left.map_or(0, Iterator::count);
        if left != files {
            return Err(format!("{left} files are left"));
        }
        let differences = self.stage.differences(&self.stage.held());
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!("store and server differ:\n{differences}"))
    }
}

#[test]
fn a_message_is_sent_and_filed_once_wherever_the_program_is_killed() {
    let Some(shim) = shim::shim() else {
        return;
    };
    let first = Scene::new(Stage::new(Kind::Full, 1));
    first.stage.run(&["sync"]);
    let scene = || Scene::new(first.stage.copy());
    let rehearsal = scene();
    let (output, calls) = rehearsal.send_under(shim, Blow::None);
    assert_eq!(output.code, Some(0), "{output:?}");
    rehearsal.judge(&output).unwrap();
    assert_eq!(rehearsal.copies(), 1);
    let total = calls.len() as u64;
    let points: Vec<u64> = match stride() {
        Some(stride) => (1..=total + 3).step_by(stride).collect(),
        None => {
            let numbered = (1..).zip(&calls);
            let telling = |what: &str| WORDS.iter().any(|word| what.contains(word));
            let told: Vec<u64> = numbered
                .filter(|(_, call)| telling(&call.what))
                .map(|(n, _)| n)
                .collect();
            let step = (told.len() / 14).max(1);
            let mut chosen: Vec<u64> = told.into_iter().step_by(step).collect();
            chosen.extend((1..=FEW as u64).map(|part| total * part / (FEW as u64 + 1) + 1));
            chosen.sort_unstable();
            chosen.dedup();
            chosen
        }
    };
    let mut wrong = Vec::new();
    for point in &points {
        let scene = scene();
        let (output, calls) = scene.send_under(shim, Blow::KillAfter(*point));
        let last = calls.last().map_or(String::new(), |call| call.what.clone());
        if let Err(why) = scene.judge(&output) {
            wrong.push(format!("{point} after {last:?}: {why}"));
        }
    }
    println!(
        "send, killed: {} of {total} points, {} wrong",
        points.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
