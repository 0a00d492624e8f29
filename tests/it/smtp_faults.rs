//! Every answer that a submission server can fail to give, and a line cut at every byte.
//!
//! The demo's server errs on purpose and keeps what it took. Whatever happens, what is said to be
//! delivered was taken, and what is said to be due was not.

use crate::support::outbox::{Outbox, login, path, submission};
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::demo::{Act, Times, When};
use pillarbox::net::smtp::{Standing, Submitted};
use pillarbox::net::{Class, Error};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

const TEXT: &[u8] = b"Subject: x\r\nMessage-ID: <1@here.test>\r\n\r\n.Text.\r\n";

/// The acts, in the order of the tables' columns.
fn acts() -> [Act; 7] {
    [
        Act::DropBefore,
        Act::DropAfter,
        Act::No("451 4.3.0 Later".into()),
        Act::No("554 5.7.1 Never".into()),
        Act::Bye("Closing".into()),
        Act::Say("boo\r\n".into()),
        Act::Stall,
    ]
}

fn error_in_words(error: &Error) -> String {
    format!("{:?}", error.class)
}

fn in_words(outcome: &Submitted) -> String {
    match outcome {
        Submitted::Delivered { .. } => "delivered".to_owned(),
        Submitted::Refused { stage, reply, .. } => format!("{stage:?} {}", reply.code),
        Submitted::Unfit(why) => format!("{why:?}"),
        Submitted::Lost { phase, error, .. } => format!("{phase:?} {:?}", error.class),
    }
}

/// What is said must be so.
fn hold(outcome: &Submitted, taken: usize, case: &str) {
    match outcome.standing(&path("ann@there.test")) {
        Standing::Delivered => assert_eq!(taken, 1, "{case}: {outcome:?}"),
        Standing::Refused(_) | Standing::Due | Standing::Unfit(_) => {
            assert_eq!(taken, 0, "{case}: {outcome:?}");
        }
        Standing::Unknown => assert!(taken <= 1, "{case}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_made_or_it_is_said_why_not() {
    let row = |permanent| {
        let mut row = ["Transient"; 7];
        (row[3], row[5]) = (permanent, "Protocol");
        row
    };
    let table = [
        (None, row("Rejected")),
        (Some("EHLO"), row("Rejected")),
        (Some("AUTH"), row("Auth")),
    ];
    for (command, row) in table {
        for (act, expected) in acts().into_iter().zip(row) {
            let case = format!("{command:?} {act:?}");
            let outbox = Outbox::new(Offer::default());
            match command {
                Some(command) => outbox.peer.faults().once(command, act),
                None => outbox.peer.faults().add(When::Connect, act, Times::Once),
            }
            let error = outbox.open().await.unwrap_err();
            assert_eq!(error_in_words(&error), expected, "{case}: {error}");
            assert!(outbox.peer.faults().is_done(), "{case}");
        }
    }
}

/// What becomes of a submission, by command and act.
fn table() -> [(&'static str, [&'static str; 7]); 4] {
    let lost = "BeforeData Transient";
    [
        (
            "MAIL",
            [
                lost,
                lost,
                "Mail 451",
                "Mail 554",
                "Mail 421",
                "BeforeData Protocol",
                lost,
            ],
        ),
        (
            "RCPT",
            [
                lost,
                lost,
                "Recipients 451",
                "Recipients 554",
                "Recipients 421",
                "BeforeData Protocol",
                lost,
            ],
        ),
        (
            "DATA",
            [
                lost,
                lost,
                "Data 451",
                "Data 554",
                "Data 421",
                "BeforeData Protocol",
                lost,
            ],
        ),
        (
            ".",
            [
                "AfterDot Transient",
                "AfterDot Transient",
                "Message 451",
                "Message 554",
                "Message 421",
                "AfterDot Protocol",
                "AfterDot Transient",
            ],
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn at_every_stage_it_is_known_whether_it_was_sent() {
    for offer in [Offer::default(), Offer::default().without(&["PIPELINING"])] {
        for (command, row) in table() {
            for (act, expected) in acts().into_iter().zip(row) {
                let case = format!("{command} {act:?}");
                let outbox = Outbox::new(offer.clone());
                let mut submitter = outbox.open().await.unwrap();
                outbox.peer.faults().once(command, act.clone());
                let to = submission("jo@here.test", &["ann@there.test"], TEXT);
                let outcome = submitter.submit(&to, TEXT).await;
                assert_eq!(in_words(&outcome), expected, "{case}");
                assert!(outbox.peer.faults().is_done(), "{case}");
                outbox.settle().await;
                hold(&outcome, outbox.taken().len(), &case);
                // Only after a plain refusal the connection is of use; then the next message goes.
                let is_refusal = matches!(act, Act::No(_));
                assert_eq!(submitter.is_open(), is_refusal, "{case}");
                if outcome.standing(&path("ann@there.test")) == Standing::Due {
                    if !submitter.is_open() {
                        submitter = outbox.open().await.unwrap();
                    }
                    let again = submitter.submit(&to, TEXT).await;
                    assert_eq!(in_words(&again), "delivered", "{case}");
                    assert_eq!(outbox.taken().len(), 1, "{case}: once");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn inside_of_a_message_it_is_known_that_it_was_not_sent() {
    let large = b"a line of text\r\n".repeat(60_000);
    let lost = "InsideData Transient";
    let row = [
        lost,
        lost,
        "Message 451",
        "Message 554",
        "Message 421",
        "InsideData Protocol",
        lost,
    ];
    for (act, expected) in acts().into_iter().zip(row) {
        let outbox = Outbox::new(Offer::default());
        let mut submitter = outbox.open().await.unwrap();
        outbox.peer.faults().once("BODY", act.clone());
        let to = submission("jo@here.test", &["ann@there.test"], &large);
        // A stalled peer still takes bytes; then it is the end that is not answered.
        let expected = match act {
            Act::Stall => "AfterDot Transient",
            _ => expected,
        };
        let outcome = submitter.submit(&to, &large[..]).await;
        assert_eq!(in_words(&outcome), expected, "{act:?}");
        assert!(!submitter.is_open(), "{act:?}");
        outbox.settle().await;
        hold(&outcome, outbox.taken().len(), &format!("{act:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn between_messages_a_dead_connection_is_noticed_before_anything_is_said() {
    for act in acts() {
        let case = format!("{act:?}");
        for command in ["RSET", "NOOP"] {
            let outbox = Outbox::new(Offer::default());
            let mut submitter = outbox.open().await.unwrap();
            let to = submission("jo@here.test", &["ann@there.test"], TEXT);
            outbox
                .peer
                .faults()
                .once("DATA", Act::No("451 4.3.0 Later".into()));
            submitter.submit(&to, TEXT).await;
            outbox.peer.faults().once(command, act.clone());
            if command == "NOOP" {
                assert!(submitter.noop().await.is_err(), "{case}");
            } else {
                let outcome = submitter.submit(&to, TEXT).await;
                assert!(
                    in_words(&outcome).starts_with("BeforeData"),
                    "{case}: {outcome:?}"
                );
            }
            assert!(!submitter.is_open(), "{case}");
            assert!(outbox.taken().is_empty(), "{case}");
        }
        let outbox = Outbox::new(Offer::default());
        let submitter = outbox.open().await.unwrap();
        outbox.peer.faults().once("QUIT", act);
        submitter.quit().await;
    }
}

/// A line that breaks after so many bytes of the client have got through.
#[derive(Debug)]
struct Breaking(DuplexStream, usize);

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = self.1.min(buf.len());
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let done = Pin::new(&mut self.0).poll_write(cx, &buf[..count]);
        if let Poll::Ready(Ok(count)) = done {
            self.1 -= count;
        }
        done
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Sends one message until the line breaks; whether it got that far, and what was said.
async fn send_over(outbox: &Outbox, wire: Breaking) -> Option<Submitted> {
    let mut submitter = match outbox.open_over(wire, Some(&login("secret"))).await {
        Ok(submitter) => submitter,
        Err(error) => {
            assert_eq!(error.class, Class::Transient, "{error}");
            return None;
        }
    };
    let to = submission("jo@here.test", &["ann@there.test"], TEXT);
    Some(submitter.submit(&to, TEXT).await)
}

#[tokio::test(start_paused = true)]
async fn a_line_cut_at_any_byte_never_makes_a_message_of_two_fates() {
    let mut seen = std::collections::BTreeSet::new();
    for (from_client, offer) in [
        (true, Offer::default()),
        (false, Offer::default()),
        (true, Offer::default().without(&["PIPELINING"])),
        (false, Offer::default().without(&["PIPELINING"])),
    ] {
        for bytes in 1..2000 {
            let case = format!("after {bytes} bytes, of the client: {from_client}");
            let outbox = Outbox::new(offer.clone());
            let cut = if from_client { bytes } else { usize::MAX };
            if !from_client {
                let faults = outbox.peer.faults();
                faults.add(When::Connect, Act::CutAfter(bytes), Times::Once);
            }
            let wire = Breaking(outbox.peer.connect(), cut);
            let outcome = send_over(&outbox, wire).await;
            outbox.settle().await;
            let taken = outbox.taken().len();
            let Some(outcome) = outcome else {
                assert_eq!(taken, 0, "{case}");
                continue;
            };
            hold(&outcome, taken, &case);
            seen.insert(in_words(&outcome));
            if matches!(outcome, Submitted::Delivered { .. }) {
                break;
            }
            assert!(bytes < 1999, "{case}: {outcome:?}");
        }
    }
    let all: Vec<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        all,
        [
            "AfterDot Transient",
            "BeforeData Transient",
            "InsideData Transient",
            "delivered"
        ]
    );
}
