//! The running demo: servers for each sample account on loopback, and a world that goes on.
//!
//! Started by `pillarbox demo`. Everything ends when the [`RunningDemo`] is dropped; it must never
//! listen on anything but loopback.

use super::imap::{Options, Peer, serve};
use super::sample::{SampleAccount, sample};
use super::served::Served;
use super::{pop3, returns, smtp, web};
use crate::model::{Flag, FlagChange};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The password of every demo account: it guards nothing.
const PASSWORD: &str = "demo";
/// The seed of the demo's pace, so that it is the same show every time.
const SEED: u64 = 7;

/// Starts demos.
#[derive(Debug, Clone, Copy)]
pub struct Demo;

/// How to reach one account of a running demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoAccount {
    /// Its name in the configuration.
    pub name: String,
    /// The owner's address.
    pub address: String,
    /// The owner's name.
    pub full_name: String,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
    /// The port for fetching on 127.0.0.1, in clear.
    pub port: u16,
    /// Whether that is POP3; else it is IMAP.
    pub is_maildrop: bool,
    /// The port for sending on 127.0.0.1, in clear, with the same user and password.
    pub smtp_port: u16,
}

/// A demo that runs until it is dropped.
#[derive(Debug)]
pub struct RunningDemo {
    /// The accounts, in the order of the sidebar.
    pub accounts: Vec<DemoAccount>,
    /// Their servers, in the same order.
    pub peers: Vec<Served>,
    /// Where the pictures are that the mail points to, whatever host it names.
    pub web: SocketAddr,
    /// Aborted on drop.
    _tasks: JoinSet<()>,
}

impl Demo {
    /// Listens for every sample account, as if it were now that time, and lets mail arrive.
    ///
    /// # Errors
    /// When the machine gives no port on loopback.
    pub async fn start(now_secs: i64) -> io::Result<RunningDemo> {
        let mut tasks = JoinSet::new();
        let (mut accounts, mut peers) = (Vec::new(), Vec::new());
        let samples = sample(now_secs);
        let pages = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let web = pages.local_addr()?;
        tasks.spawn(async move {
            drop(web::serve(pages).await);
        });
        let (mail, sent) = mpsc::channel(returns::MAIL_MAX);
        for account in &samples {
            let peer = served(account);
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let submission = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            accounts.push(DemoAccount {
                name: account.name.clone(),
                address: account.address.clone(),
                full_name: account.full_name.clone(),
                user: account.user.clone(),
                password: PASSWORD.into(),
                port: listener.local_addr()?.port(),
                is_maildrop: account.is_maildrop,
                smtp_port: submission.local_addr()?.port(),
            });
            let post = post_for(account, mail.clone());
            tasks.spawn(async move {
                drop(smtp::serve(submission, post).await);
            });
            peers.push(peer.clone());
            tasks.spawn(async move {
                // A listener that fails leaves the demo offline, which the screen shows.
                drop(match peer {
                    Served::Imap(peer) => serve(listener, peer).await,
                    Served::Pop3(peer) => pop3::serve(listener, peer).await,
                });
            });
        }
        let addresses = accounts.iter().map(|a| a.address.clone());
        let places = addresses.zip(peers.iter().cloned()).collect();
        tasks.spawn(returns::deliver(sent, places, now_secs));
        let plan = plan(&samples, SEED);
        tasks.spawn(play(samples, peers.clone(), plan, now_secs));
        Ok(RunningDemo {
            accounts,
            peers,
            web,
            _tasks: tasks,
        })
    }
}

fn served(account: &SampleAccount) -> Served {
    if !account.is_maildrop {
        return Served::Imap(peer_for(account));
    }
    let served = Served::Pop3(pop3::Peer::new(pop3::Options {
        user: account.user.clone(),
        password: PASSWORD.into(),
        ..pop3::Options::default()
    }));
    for mailbox in &account.mailboxes {
        for message in &mailbox.messages {
            served.put(&mailbox.name, message);
        }
    }
    served
}

fn peer_for(account: &SampleAccount) -> Peer {
    let peer = Peer::new(Options {
        user: account.user.clone(),
        password: PASSWORD.into(),
        ..Options::default()
    });
    account.fill(peer.store());
    peer
}

/// A submission server that hands on what it takes. Where too much waits, the message is lost: it is
/// a demonstration.
fn post_for(account: &SampleAccount, mail: mpsc::Sender<smtp::Received>) -> smtp::Peer {
    let options = smtp::Options {
        user: account.user.clone(),
        password: PASSWORD.into(),
        ..smtp::Options::default()
    };
    smtp::Peer::new(options, move |message| drop(mail.try_send(message)))
}

/// Something that happens without the user.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happening {
    /// A letter arrives.
    Arrives(String),
    /// Another client reads the oldest unread message outside of INBOX, or stars the newest one.
    ReadElsewhere,
}

/// What happens when, after the one before, and in which account.
type Plan = Vec<(Duration, usize, Happening)>;

/// The same show for the same seed: the first letter after eight seconds, each further one twenty
/// to sixty seconds later, and now and then another client in between.
fn plan(accounts: &[SampleAccount], seed: u64) -> Plan {
    let mut letters: Vec<(u32, usize, String)> = Vec::new();
    for (at, account) in accounts.iter().enumerate() {
        letters.extend(account.live().into_iter().map(|(n, id)| (n, at, id)));
    }
    letters.sort();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut plan = Vec::new();
    for (number, (_, account, id)) in letters.into_iter().enumerate() {
        let mut wait = match number {
            0 => 8,
            _ => random.u64(20..=60),
        };
        if number > 0 && random.u8(0..3) == 0 {
            let before = random.u64(5..15);
            wait -= before;
            let elsewhere = random.usize(0..accounts.len().max(1));
            let pause = Duration::from_secs(before);
            plan.push((pause, elsewhere, Happening::ReadElsewhere));
        }
        plan.push((Duration::from_secs(wait), account, Happening::Arrives(id)));
    }
    plan
}

async fn play(accounts: Vec<SampleAccount>, peers: Vec<Served>, plan: Plan, start_secs: i64) {
    let started = Instant::now();
    for (wait, at, happening) in plan {
        tokio::time::sleep(wait).await;
        let (Some(account), Some(peer)) = (accounts.get(at), peers.get(at)) else {
            continue;
        };
        let passed = i64::try_from(started.elapsed().as_secs()).unwrap_or_default();
        match happening {
            Happening::Arrives(id) => {
                if let Some((mailbox, message)) = account.arrive(&id, start_secs + passed) {
                    peer.put(&mailbox, &message);
                }
            }
            Happening::ReadElsewhere => read_elsewhere(peer),
        }
    }
}

fn read_elsewhere(served: &Served) {
    // Of what lies in a maildrop, nobody is told who has read it.
    let Served::Imap(peer) = served else { return };
    let store = peer.store();
    for name in store.names() {
        let is_list = name.starts_with("Lists/");
        let Some(mailbox) = store.mailbox(&name).filter(|_| is_list) else {
            continue;
        };
        let mut unread = mailbox.messages.iter();
        if let Some((uid, _)) = unread.find(|(_, m)| !m.flags.has(Flag::Seen)) {
            store.change_flags(&name, *uid, &FlagChange::one(Flag::Seen, true));
            return;
        }
    }
    if let Some(inbox) = store.mailbox("INBOX")
        && let Some(uid) = inbox.messages.keys().next_back()
    {
        store.change_flags("INBOX", *uid, &FlagChange::one(Flag::Flagged, true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;

    const NOW: i64 = 1_793_523_600;

    fn count(peers: &[Served]) -> usize {
        peers.iter().map(Served::count).sum()
    }

    #[tokio::test]
    async fn each_account_can_be_reached_and_is_gone_after_the_drop() {
        let demo = Demo::start(NOW).await.unwrap();
        let names: Vec<&str> = demo.accounts.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["work", "home", "club", "old"]);
        let all = demo.accounts.iter();
        let mut ports: Vec<u16> = all.flat_map(|a| [a.port, a.smtp_port]).collect();
        ports.push(demo.web.port());
        for account in &demo.accounts {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, account.port))
                .await
                .unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            let (user, password) = (&account.user, &account.password);
            let talk = if account.is_maildrop {
                let (user, password) = (format!("USER {user}"), format!("PASS {password}"));
                vec![(String::new(), "+OK"), (user, "+OK"), (password, "+OK")]
            } else {
                let login = format!("a LOGIN {user} {password}");
                vec![(String::new(), "* OK"), (login, "a OK")]
            };
            for (say, answer) in talk {
                if !say.is_empty() {
                    let line = format!("{say}\r\n");
                    write.write_all(line.as_bytes()).await.unwrap();
                }
                let heard = lines.next_line().await.unwrap().unwrap();
                assert!(heard.starts_with(answer), "{heard}");
            }
        }
        drop(demo);
        tokio::task::yield_now().await;
        for port in ports {
            assert!(is_gone(port).await, "{port}");
        }
    }

    /// Whether nobody serves there. A program that another test starts at this moment holds the listeners
    /// until it has begun: one may connect then, and is hung up on without a word.
    async fn is_gone(port: u16) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            return true;
        };
        // Makes the one that does not greet speak.
        let _hung_up = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
        !matches!(stream.read(&mut [0]).await, Ok(1..))
    }

    #[tokio::test(start_paused = true)]
    async fn mail_arrives_while_one_looks_and_others_read() {
        let accounts = sample(NOW);
        let peers: Vec<Served> = accounts.iter().map(served).collect();
        let before = count(&peers);
        let plan = plan(&accounts, SEED);
        assert_eq!(plan, super::plan(&accounts, SEED));
        let first = plan.first().cloned().unwrap();
        assert_eq!(
            first,
            (
                Duration::from_secs(8),
                0,
                Happening::Arrives("live1".into())
            )
        );
        assert!(plan.iter().any(|p| p.2 == Happening::ReadElsewhere));
        let playing = tokio::spawn(play(accounts, peers.clone(), plan, NOW));
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(count(&peers), before + 1);
        let Served::Imap(first) = &peers[0] else {
            panic!("the first account is a maildrop");
        };
        let inbox = first.store().mailbox("INBOX").unwrap();
        let newest = inbox.messages.values().next_back().unwrap();
        assert_eq!(newest.arrived.unix_secs, NOW + 8 + 3);
        playing.await.unwrap();
        assert_eq!(count(&peers), before + 14);
    }
}
