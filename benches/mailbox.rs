//! Makes mailboxes of any size for the benches: the same mail for the same number.
//!
//! Used by `mail.rs` and `change.rs`. Written straight into Dovecot's Maildir, because delivery would take longer
//! than everything that is measured.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const PEOPLE: [(&str, &str); 12] = [
    ("Ann Archer", "ann@example.org"),
    ("Bob Baker", "bob@example.com"),
    ("=?utf-8?B?w4VzYSBMaW5kcXZpc3Q=?=", "asa@example.net"),
    ("Chen Wei", "chen@example.org"),
    ("=?utf-8?B?5bGx55Sw5aSq6YOO?=", "taro@example.jp"),
    ("Dora Diaz", "dora@example.com"),
    ("Emil Ek", "emil@example.se"),
    ("Fatima Farouk", "fatima@example.org"),
    ("Build Robot", "robot@ci.example.net"),
    ("=?utf-8?Q?Jos=C3=A9_Garc=C3=ADa?=", "jose@example.es"),
    ("Weekly News", "news@letters.example.com"),
    ("Hana Horak", "hana@example.cz"),
];

const TOPICS: [&str; 16] = [
    "Plan for the third quarter",
    "Server migration on Thursday",
    "Notes from the meeting",
    "[patch] handle short reads",
    "Invoice 20-117",
    "Lunch?",
    "Your parcel is on its way",
    "=?utf-8?B?5pyI5qyh5aCx5ZGK?=",
    "Question about the data set",
    "Photos from the weekend",
    "Build failed: main",
    "Minutes, agenda and one more thing",
    "Budget, second draft",
    "Welcome to the list",
    "=?iso-8859-1?Q?R=E9union_de_lundi?=",
    "Draft of the contract",
];

const WORDS: &str = "we could move the date if nobody minds since the room is taken on friday and the \
    numbers are not in yet so I would rather wait for the second report before anything is decided";

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

/// Writes `count` messages into a Maildir that exists, the last one the newest.
pub fn fill(maildir: &Path, count: u32, is_small: bool) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let cur = maildir.join("cur");
    let begin = 1_600_000_000u64;
    for n in 0..count {
        let at = begin + u64::from(n) * 90;
        let flags = if dice.roll(5) == 0 { "" } else { "S" };
        let text = message(n, at, is_small, &mut dice);
        let name = format!("{at}.M{n}.bench,S={}:2,{flags}", text.len());
        let path = cur.join(name);
        fs::write(&path, text).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

/// One message, delivered at `at`.
fn message(n: u32, at: u64, is_small: bool, dice: &mut Dice) -> String {
    let (name, address) = *dice.pick(&PEOPLE);
    let (to, to_address) = *dice.pick(&PEOPLE);
    let topic = dice.pick(&TOPICS);
    // Every third message answers one of the fifty before it.
    let parent =
        (n > 50 && dice.roll(3) == 0).then(|| n - 1 - u32::try_from(dice.roll(50)).unwrap());
    let re = if parent.is_some() { "Re: " } else { "" };
    let date = jiff::Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
    let mut text = format!(
        "Return-Path: <{address}>\nReceived: from mx.example.org by mail.example.org; {date}\n\
         From: {name} <{address}>\nTo: {to} <{to_address}>\nSubject: {re}{topic} ({n})\n\
         Date: {}\nMessage-ID: <{n}.{at}@example.org>\n",
        date.strftime("%a, %d %b %Y %H:%M:%S +0000")
    );
    if let Some(parent) = parent {
        let id = format!(
            "<{parent}.{}@example.org>",
            1_600_000_000 + u64::from(parent) * 90
        );
        let _ = writeln!(text, "In-Reply-To: {id}\nReferences: {id}");
    }
    text.push_str("MIME-Version: 1.0\n");
    let body = body(if is_small {
        2
    } else {
        12 + usize::try_from(dice.roll(60)).unwrap()
    });
    if is_small || dice.roll(3) == 0 {
        let _ = write!(text, "Content-Type: text/plain; charset=utf-8\n\n{body}");
        return text;
    }
    let _ = write!(
        text,
        "Content-Type: multipart/mixed; boundary=\"=_b{n}\"\n\n--=_b{n}\n\
         Content-Type: text/plain; charset=utf-8\n\n{body}\n--=_b{n}\n\
         Content-Type: application/pdf; name=\"report {n}.pdf\"\n\
         Content-Disposition: attachment; filename=\"report {n}.pdf\"\n\
         Content-Transfer-Encoding: base64\n\n{}\n--=_b{n}--\n",
        "JVBERi0xLjQKJcOkw7zDtsOf\n".repeat(1 + usize::try_from(dice.roll(60)).unwrap())
    );
    text
}

fn body(lines: usize) -> String {
    std::iter::repeat_n(WORDS, lines)
        .collect::<Vec<_>>()
        .join("\n")
}
