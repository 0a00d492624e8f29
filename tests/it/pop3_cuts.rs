//! The connection cut after every byte that the program sends to a maildrop and every byte that it gets.
//!
//! Where a command went out whole, the server acts on it and its answer is lost: so these are the lost
//! replies too. By the engine, without a process for each cut. A few points are tried here;
//! `PILLARBOX_FULL=1 cargo test pop3_cuts -- --nocapture` tries all of them. Nothing is ever gone from
//! the server that is not here, and in the end each message is here once.

use crate::support::maildrop::{LiveDrop, is_nothing_lost, is_once, kept, letters, listed, setup};
use crate::support::sweep::{self, stride};
use crate::support::{Proxy, wait_until};
use pillarbox::config::LeaveOnServer;
use pillarbox::demo::pop3::Options;
use pillarbox::engine::{SyncReport, Wanted, run_once};
use pillarbox::store::Store;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How much mail there is.
const COUNT: u32 = 20;
/// How many of the bytes received are tried where not all are.
const FEW: u64 = 12;

/// Where the connection is cut: after so many bytes.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// From the program.
    Sent(u64),
    /// From the server.
    Received(u64),
}

/// An account and its server.
struct Scene {
    server: LiveDrop,
    data: TempDir,
    runtime: Runtime,
    leave: LeaveOnServer,
}

impl Scene {
    fn new(options: Options, leave: LeaveOnServer) -> Self {
        let options = Options {
            password: "pass".to_owned(),
            ..options
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            server: LiveDrop::start(options, &letters(COUNT)),
            data: tempfile::tempdir().unwrap(),
            runtime,
            leave,
        }
    }

    /// A round at that port.
    fn round(&self, port: u16) -> SyncReport {
        self.server.wait_left();
        let store = Store::open(self.data.path()).unwrap();
        let setup = setup(&self.server, port, self.leave);
        let round = run_once(&store, &setup, Wanted::Everything);
        self.runtime.block_on(round).unwrap()
    }

    /// A round over a connection that is cut; what was said, and how many bytes came.
    fn round_cut(&self, cut: Option<Cut>) -> (SyncReport, String, u64) {
        let proxy = Proxy::before(self.server.port);
        match cut {
            Some(Cut::Sent(bytes)) => proxy.cut_after_sending(bytes),
            Some(Cut::Received(bytes)) => proxy.cut_after_receiving(bytes),
            None => {}
        }
        let report = self.round(proxy.port);
        wait_until("the server to act on what it was sent", || proxy.is_over());
        (report, proxy.take_said(), proxy.bytes().1)
    }

    fn judge(&self) -> Result<(), String> {
        self.server.wait_left();
        let all = letters(COUNT);
        is_nothing_lost(&kept(self.data.path()), &self.server.there(), &all)?;
        for _ in 0..2 {
            let report = self.round(self.server.port);
            if !report.is_ok {
                return Err(format!("did not settle: {report:?}"));
            }
        }
        is_once(&kept(self.data.path()), &all)?;
        let is_left = self.leave == LeaveOnServer::Always;
        let expected = if is_left { all.len() } else { 0 };
        let left = self.server.there().len();
        let listed = listed(self.data.path());
        if left == expected && listed == all.len() {
            return Ok(());
        }
        Err(format!("{left} on the server, {listed} listed"))
    }
}

fn cut_anywhere(name: &str, options: &Options, leave: LeaveOnServer) {
    let rehearsal = Scene::new(options.clone(), leave);
    let (report, said, received) = rehearsal.round_cut(None);
    assert!(report.is_ok, "{report:?}");
    rehearsal.judge().unwrap();
    sweep::sweep(name, &points(&said, received), |cut| {
        let scene = Scene::new(options.clone(), leave);
        let (report, said, _) = scene.round_cut(Some(*cut));
        let last = said.lines().last().unwrap_or_default();
        let judged = scene.judge();
        judged.map_err(|why| format!("last said {last:?} ({}): {why}", report.error))
    });
}

fn points(said: &str, received: u64) -> Vec<Cut> {
    let sent = said.len() as u64;
    if let Some(stride) = stride() {
        let all = (1..=sent).map(Cut::Sent);
        let all = all.chain((1..=received).map(Cut::Received));
        return all.step_by(stride).collect();
    }
    // After each kind of command, and in the middle of it.
    let mut points = Vec::new();
    let (mut at, mut before) = (0, "");
    for line in said.split_inclusive('\n') {
        let size = line.len() as u64;
        let verb = line.split_whitespace().next().unwrap_or_default();
        if verb != before {
            points.push(Cut::Sent(at + size / 2));
            points.push(Cut::Sent(at + size));
        }
        (at, before) = (at + size, verb);
    }
    let part = |n| received * n / FEW;
    points.extend((1..FEW).map(part).map(Cut::Received));
    points.push(Cut::Received(received - 1));
    points
}

#[test]
fn fetched_mail_is_here_once_and_nothing_else_is_deleted_wherever_the_connection_is_cut() {
    let options = Options::default();
    cut_anywhere("maildrop, taken", &options, LeaveOnServer::Never);
}

#[test]
fn one_by_one_mail_is_fetched_once_wherever_the_connection_is_cut() {
    let options = Options::default().without(&["PIPELINING"]);
    cut_anywhere("maildrop, one by one", &options, LeaveOnServer::Never);
}

#[test]
fn mail_that_stays_on_the_server_is_fetched_once_wherever_the_connection_is_cut() {
    let options = Options::default();
    cut_anywhere("maildrop, left", &options, LeaveOnServer::Always);
}

#[test]
fn mail_without_ids_is_fetched_once_wherever_the_connection_is_cut() {
    let options = Options::default().without(&["UIDL", "TOP"]);
    cut_anywhere("maildrop, without ids", &options, LeaveOnServer::Never);
}
