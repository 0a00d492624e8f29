//! What goes on: how each account stands, what runs, and every change that no server confirmed yet.
//!
//! Opened by `gj`, fed by `overlay`, drawn by `ui`. It must never show a change as done that is not:
//! as long as it is open, it asks again whenever anything changed.

use super::stops::{self, Stops, Told};
use super::{App, Code, Effect, Key, Overlay, quota_text, size_text, wrap};
use crate::bus::{AccountView, Command, OpView, RequestId};
use crate::model::{AccountKey, OpKey, Safe, TargetState, columns};

/// The columns that the list takes at most.
pub(super) const COLS_MAX: u16 = 100;
/// The columns that stand beside what was done, in its own line.
const LABEL_ROOM: usize = 24;
/// The lines that a text of a change takes at most, where it is told in full.
const FULL_LINES_MAX: usize = 6;

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityRow {
    /// An account.
    Account(AccountKey),
    /// A download or the like.
    Job(RequestId),
    /// A change, as far as it concerns that account.
    Op(OpKey, AccountKey),
}

/// The mark before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityMark {
    /// None: the line goes on with what stands above.
    None,
    /// The account's connection.
    Link(AccountKey),
    /// Waits.
    Waiting,
    /// Is under way.
    Running,
    /// Was refused.
    Refused,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityLine {
    /// What it stands for; `None`: nothing that the cursor can be on.
    pub row: Option<ActivityRow>,
    /// Its mark.
    pub mark: ActivityMark,
    /// What it is.
    pub text: Safe,
    /// How it stands, shown on the right.
    pub state: Safe,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    ops: Vec<OpView>,
    /// When they were told.
    told_at_ms: u64,
    stops: Stops<ActivityRow>,
    /// The change that is shown in full.
    open: Option<(OpKey, AccountKey)>,
}

impl Told for Activity {
    type Row = ActivityRow;

    fn shown(overlay: &mut Overlay) -> Option<&mut Self> {
        match overlay {
            Overlay::Activity(list) => Some(list),
            _ => None,
        }
    }

    fn seen(overlay: &Overlay) -> Option<&Self> {
        match overlay {
            Overlay::Activity(list) => Some(list),
            _ => None,
        }
    }

    fn stops(&mut self) -> &mut Stops<ActivityRow> {
        &mut self.stops
    }

    fn rows(&self, app: &App) -> Vec<Option<ActivityRow>> {
        self.lines(app).into_iter().map(|line| line.row).collect()
    }

    fn ask(request: RequestId) -> Effect {
        Effect::Engine(Command::LoadActivity { request })
    }
}

impl Activity {
    /// Whether a number of seconds is shown that runs down.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.ops.iter().any(|op| op.wait_secs > 0)
    }

    /// The first visible line.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.stops.top()
    }

    /// What the cursor is on.
    #[must_use]
    pub const fn on(&self) -> Option<ActivityRow> {
        self.stops.on()
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self, app: &App) -> Vec<ActivityLine> {
        let mut lines = Vec::new();
        for account in &app.accounts {
            lines.push(account_line(app, account));
            for op in self.ops.iter().filter(|op| op.account == account.key) {
                self.push_op(app, op, &mut lines);
            }
        }
        for (request, job) in &app.jobs {
            let state = job.progress.map(|(done, total)| {
                Safe::line(&format!("{} of {}", size_text(done), size_text(total)))
            });
            lines.push(ActivityLine {
                row: Some(ActivityRow::Job(*request)),
                mark: ActivityMark::Running,
                text: job.label.clone(),
                state: state.unwrap_or_default(),
            });
        }
        if self.ops.is_empty() && app.jobs.is_empty() {
            let text = match (app.accounts.is_empty(), self.stops.is_loaded()) {
                (true, _) => "There is no account yet.",
                (false, true) => "Nothing waits: every change has reached its server.",
                (false, false) => "",
            };
            lines.extend([quiet(Safe::default()), quiet(Safe::fixed(text))]);
        }
        lines
    }

    fn push_op(&self, app: &App, op: &OpView, lines: &mut Vec<ActivityLine>) {
        let passed = app.monotonic_ms.saturating_sub(self.told_at_ms) / 1000;
        let wait = u64::from(op.wait_secs).saturating_sub(passed);
        lines.push(ActivityLine {
            row: Some(ActivityRow::Op(op.op, op.account)),
            mark: match op.state {
                TargetState::Queued => ActivityMark::Waiting,
                TargetState::InFlight | TargetState::Settled => ActivityMark::Running,
                TargetState::Rejected => ActivityMark::Refused,
            },
            text: op.label.clone(),
            state: Safe::line(&op_state(op, wait)),
        });
        if self.open != Some((op.op, op.account)) {
            if !op.error.is_empty() {
                lines.push(quiet(op.error.clone()));
            }
            return;
        }
        let cols = usize::from(app.cols.min(COLS_MAX)).saturating_sub(8);
        let label = Some(&op.label).filter(|label| columns(label.as_str()) + LABEL_ROOM > cols);
        let texts = [label, Some(&Safe::line(&in_full(op))), Some(&op.error)];
        for text in texts.into_iter().flatten() {
            if !text.is_empty() {
                lines.extend(wrap(text, cols, FULL_LINES_MAX).into_iter().map(quiet));
            }
        }
    }
}

fn quiet(text: Safe) -> ActivityLine {
    ActivityLine {
        row: None,
        mark: ActivityMark::None,
        text,
        state: Safe::default(),
    }
}

fn account_line(app: &App, account: &AccountView) -> ActivityLine {
    let quota = account.quota.map(|q| Safe::line(&quota_text(q)));
    let text = Safe::join(&[account.name.clone(), app.link_text(account)], "  ");
    ActivityLine {
        row: Some(ActivityRow::Account(account.key)),
        mark: ActivityMark::Link(account.key),
        text,
        state: quota.unwrap_or_default(),
    }
}

fn tries(op: &OpView) -> String {
    match op.attempts {
        1 => "1 try".to_owned(),
        n => format!("{n} tries"),
    }
}

/// How a change stands, in a few words.
fn op_state(op: &OpView, wait_secs: u64) -> String {
    match (op.state, op.attempts, wait_secs) {
        (TargetState::Rejected, ..) => "refused".to_owned(),
        (TargetState::InFlight | TargetState::Settled, ..) => "under way".to_owned(),
        (TargetState::Queued, 0, 0) => "waits".to_owned(),
        (TargetState::Queued, 0, secs) => format!("in {secs} s"),
        (TargetState::Queued, _, 0) => format!("waits, {}", tries(op)),
        (TargetState::Queued, _, secs) => format!("again in {secs} s, {}", tries(op)),
    }
}

fn in_full(op: &OpView) -> String {
    let left = match op.left {
        1 => "1 change".to_owned(),
        n => format!("{n} changes"),
    };
    let what = match op.state {
        TargetState::Rejected => "was refused and is taken back on the screen",
        TargetState::InFlight => "sent, the answer is not here yet",
        TargetState::Settled => "confirmed",
        TargetState::Queued => "not sent yet; kept on disk until it is",
    };
    match op.attempts {
        0 => format!("{left}: {what}"),
        _ => format!("{left}: {what}; {} so far", tries(op)),
    }
}

/// Takes the changes that were asked for.
pub(super) fn receive(app: &mut App, request: RequestId, ops: Vec<OpView>) {
    let now = app.monotonic_ms;
    if let Some(list) = stops::receiver::<Activity>(app, request) {
        (list.ops, list.told_at_ms) = (ops, now);
    }
}

/// Takes a key.
pub(super) fn key(app: &mut App, mut list: Activity, key: Key) -> Vec<Effect> {
    if stops::is_closing(key) {
        return Vec::new();
    }
    let on = list.on();
    if let (Some(ActivityRow::Op(op, account)), Code::Enter | Code::Char('l' | ' ')) =
        (on, key.code())
    {
        let is_open = list.open == Some((op, account));
        list.open = (!is_open).then_some((op, account));
    }
    app.overlay = Some(Overlay::Activity(list));
    match key.code() {
        Code::Char('r') => return retry(app, on),
        Code::Char('x') => return cancel(app, on),
        _ => stops::move_with::<Activity>(app, key),
    }
    Vec::new()
}

fn retry(app: &mut App, on: Option<ActivityRow>) -> Vec<Effect> {
    let (text, command) = match on {
        Some(ActivityRow::Op(op, _)) => ("Trying again", Command::RetryOp(op)),
        Some(ActivityRow::Account(key)) => ("Sending and receiving", Command::SyncNow(Some(key))),
        Some(ActivityRow::Job(_)) => {
            return app.say(Safe::fixed("This is running already"));
        }
        None => return Vec::new(),
    };
    stops::set_stale::<Activity>(app);
    let mut effects = app.say(Safe::fixed(text));
    effects.push(Effect::Engine(command));
    effects
}

fn cancel(app: &mut App, on: Option<ActivityRow>) -> Vec<Effect> {
    match on {
        Some(ActivityRow::Op(op, _)) => {
            let request = app.request();
            stops::set_stale::<Activity>(app);
            vec![Effect::Engine(Command::CancelOp { request, op })]
        }
        Some(ActivityRow::Job(request)) => {
            app.jobs.remove(&request);
            let mut effects = app.say(Safe::fixed("Stopped"));
            effects.push(Effect::Engine(Command::Cancel(request)));
            effects
        }
        Some(ActivityRow::Account(_)) => app.say(Safe::fixed(
            "Nothing to take back here: choose a change below",
        )),
        None => Vec::new(),
    }
}
