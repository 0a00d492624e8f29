//! What is on its way out of a message: what is to become of it, and what came of it.
//!
//! Called by the actions, the panel of files and `events`. A program must never be run that the user
//! did not name, and nothing may be opened that came back for a request which was given up.

use super::{App, Effect, Job, Output, Overlay, Prompt, PromptKind};
use crate::bus::{Command, RequestId, Take, TakeEvent, Taken, Whither};
use crate::model::{PartId, Placed, Safe};

/// More bytes do not go to the clipboard through a terminal: it drops longer sequences.
const COPY_BYTES_MAX: usize = 54_000;

/// What becomes of something when it is here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Then {
    /// It is told of.
    Nothing,
    /// It is opened.
    Open,
    /// This program reads it, on the terminal.
    Run(Vec<String>),
}

/// Something on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taking {
    placed: Placed,
    /// Which part; none: all of the message.
    part: Option<PartId>,
    then: Then,
}

impl App {
    /// Asks the engine for something, and shows it as running.
    fn take(
        &mut self,
        placed: Placed,
        what: Taken,
        to: Whither,
        then: Then,
        label: &str,
    ) -> Effect {
        let request = self.request();
        let part = match &what {
            Taken::Part { part, .. } => Some(part.clone()),
            Taken::Message | Taken::Text(_) => None,
        };
        self.begin_job(request, placed, part, then, label);
        Effect::Engine(Command::Take(Take {
            request,
            placed,
            what,
            to,
        }))
    }

    fn begin_job(
        &mut self,
        request: RequestId,
        placed: Placed,
        part: Option<PartId>,
        then: Then,
        label: &str,
    ) {
        let label = Safe::line(label);
        let progress = None;
        self.jobs.insert(request, Job { label, progress });
        let taking = Taking { placed, part, then };
        self.takings.insert(request, taking);
    }

    /// Remembers that these parts are being saved.
    pub(super) fn note_saving(&mut self, request: RequestId, placed: Placed, parts: &[PartId]) {
        let part = match parts {
            [one] => Some(one.clone()),
            _ => None,
        };
        let then = Then::Nothing;
        self.takings.insert(request, Taking { placed, part, then });
    }

    /// What runs on a part of that message: the request.
    pub(super) fn taking_of(&self, placed: Placed, part: &PartId) -> Option<RequestId> {
        let is_it = |t: &Taking| t.placed == placed && t.part.as_ref() == Some(part);
        let found = self.takings.iter().find(|(_, t)| is_it(t));
        found.map(|(request, _)| *request)
    }

    /// Saves the message as a file.
    pub(super) fn save_message(&mut self, placed: Placed) -> Vec<Effect> {
        let label = "Saving the message";
        let request = self.request();
        self.begin_job(request, placed, None, Then::Nothing, label);
        let mut effects = self.say(Safe::fixed(label));
        effects.push(Effect::Engine(Command::Save {
            request,
            placed,
            parts: vec![PartId::default()],
            folder: None,
        }));
        effects
    }

    /// Prints the message as it is read.
    pub(super) fn print_message(&mut self, placed: Placed) -> Vec<Effect> {
        let what = Taken::Text(self.reader.form);
        let to = Whither::Printer(self.settings.printers.clone());
        let effect = self.take(placed, what, to, Then::Nothing, "Printing");
        let mut effects = self.say(Safe::fixed("Printing the message"));
        effects.push(effect);
        effects
    }

    /// Opens an attachment.
    pub(super) fn open_part(&mut self, placed: Placed, what: Taken, name: &Safe) -> Vec<Effect> {
        let label = format!("Opening {name}");
        vec![self.take(placed, what, Whither::Viewer, Then::Open, &label)]
    }

    /// Asks which program is to read it.
    pub(super) fn ask_to_pipe(&mut self, placed: Placed, what: Taken) -> Vec<Effect> {
        self.piping = Some((placed, what));
        let prompt = Prompt::new(self, PromptKind::Pipe);
        self.overlay = Some(Overlay::Prompt(prompt));
        Vec::new()
    }

    /// Stops what is on its way.
    pub(super) fn stop_taking(&mut self, request: RequestId) -> Vec<Effect> {
        self.jobs.remove(&request);
        self.takings.remove(&request);
        let mut effects = self.say(Safe::fixed("Stopped; nothing of it is left"));
        effects.push(Effect::Engine(Command::Cancel(request)));
        effects
    }

    /// Puts a text on the clipboard, and says so; where it is too long for that, says what else can
    /// be done.
    pub(super) fn copy_text(&mut self, what: &str, text: String) -> Vec<Effect> {
        let is_short = text.lines().nth(1).is_none() && text.len() < 200;
        if text.len() > COPY_BYTES_MAX && !self.settings.has_copy_command {
            let size = super::size_text(text.len() as u64);
            let why = format!("{what} is too long for the terminal's clipboard ({size})");
            let hint = "set copy_command under [ui], or save it";
            return self.complain(Safe::line(&first_upper(&why)), Safe::fixed(hint));
        }
        let said = if is_short {
            format!("Copied {what}: {text}")
        } else {
            format!("Copied {what}, {} lines", text.lines().count())
        };
        let mut effects = self.say(Safe::line(&said));
        effects.push(Effect::Copy(text));
        effects
    }
}

fn first_upper(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// Gives what was to be piped to the program that was typed; one that begins with `!` gets the
/// terminal.
pub(super) fn pipe(app: &mut App, text: &str) -> Result<Vec<Effect>, Safe> {
    let (is_screen, line) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let argv = shell_words::split(line).map_err(|_| Safe::fixed("a quote is not closed"))?;
    let Some(program) = argv.first() else {
        return Err(Safe::fixed(
            "name a program; ! before it gives it the terminal",
        ));
    };
    if let Some(sign) = shell_sign(line, &argv) {
        let hint = format!("no shell reads this; for {sign} write sh -c '…'");
        return Err(Safe::line(&hint));
    }
    let label = format!("Running {program}");
    let Some((placed, what)) = app.piping.clone() else {
        return Err(Safe::fixed("the message is gone"));
    };
    let effect = if is_screen {
        let then = Then::Run(argv);
        app.take(placed, what, Whither::Terminal, then, &label)
    } else {
        let to = Whither::Program(argv);
        app.take(placed, what, to, Then::Nothing, &label)
    };
    let mut effects = app.say(Safe::line(&label));
    effects.push(effect);
    Ok(effects)
}

/// A sign that only a shell would take for one: it stands alone and in no quotes.
fn shell_sign<'a>(line: &'a str, argv: &[String]) -> Option<&'a str> {
    const SIGNS: [&str; 8] = ["|", "||", "&", "&&", ";", "<", ">", ">>"];
    let mut words = line.split_whitespace();
    words.find(|word| SIGNS.contains(word) && argv.iter().any(|arg| arg == word))
}

/// Something is there, or a program has ended.
pub(super) fn event(app: &mut App, event: TakeEvent) -> Vec<Effect> {
    match event {
        TakeEvent::Staged { request, file } => {
            app.jobs.remove(&request);
            match app.takings.remove(&request).map(|t| t.then) {
                Some(Then::Open) => {
                    let mut effects =
                        app.say(Safe::fixed("Opened a copy, which goes when Pillarbox ends"));
                    effects.push(Effect::OpenFile(file));
                    effects
                }
                Some(Then::Run(argv)) => vec![Effect::RunOn { argv, file }],
                Some(Then::Nothing) | None => Vec::new(),
            }
        }
        TakeEvent::Ran {
            request,
            program,
            lines,
            fault,
        } => {
            app.jobs.remove(&request);
            if app.takings.remove(&request).is_none() {
                return Vec::new();
            }
            ran(app, &program, lines, &fault)
        }
    }
}

fn ran(app: &mut App, program: &Safe, lines: Vec<Safe>, fault: &Safe) -> Vec<Effect> {
    let has_output = lines.iter().any(|l| !l.as_str().trim().is_empty());
    // What the user is just doing is not covered by what a program said.
    if has_output && app.overlay.is_none() && app.composer().is_none() {
        app.overlay = Some(Overlay::Output(Output::new(program.clone(), lines.clone())));
    }
    if !fault.is_empty() {
        let why = format!("{program} failed: {fault}");
        let last = lines.into_iter().rfind(|l| !l.as_str().trim().is_empty());
        return app.complain(Safe::line(&why), last.unwrap_or_default());
    }
    app.say(Safe::line(&format!("{program} has ended well")))
}

/// A program that had the terminal has ended, or could not begin.
pub(super) fn has_run(app: &mut App, program: &Safe, fault: &Safe) -> Vec<Effect> {
    if fault.is_empty() {
        return Vec::new();
    }
    ran(app, program, Vec::new(), fault)
}
