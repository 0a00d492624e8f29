//! Scenes for tests: an app on a given terminal with an engine that answers from a made-up mailbox.
//!
//! Used by the tests of `app` and `ui`. Nothing in a scene may depend on a clock or on chance.

mod peer;
pub(crate) mod writing;

use super::{App, Chord, Code, Effect, Input, Key, Settings, update};
use crate::bus::{AccountView, Command, Event, Link, OpView, SyncMode};
use crate::model::{
    AccountKey, Attachment, Emphasis, Flag, FlagSet, Line, LineKind, Link as MailLink, ListRow,
    Mailbox, MailboxKey, MessageKey, PartId, Picture, PictureSource, Placed, Reading, Role, Safe,
    Span, ThreadKey,
};

/// 2026-04-10 10:45:00 UTC, a Friday.
pub(crate) const NOW: i64 = 1_775_817_900;

/// An app, its engine's mailbox, and everything that was asked to be done.
pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) rows: Vec<ListRow>,
    pub(crate) accounts: Vec<AccountView>,
    /// Changes that wait.
    pub(crate) ops: Vec<OpView>,
    before: Vec<peer::Before>,
    pub(crate) reading: Reading,
    /// What is written and sent.
    pub(crate) desk: writing::Desk,
    pub(crate) effects: Vec<Effect>,
    /// Whether the peer answers by itself.
    pub(crate) is_answering: bool,
    pub(crate) windows: usize,
}

impl Scene {
    pub(crate) fn new(cols: u16, rows: u16) -> Self {
        Self::with(
            cols,
            rows,
            Settings::default(),
            vec![account(1, "work")],
            mail(),
        )
    }

    pub(crate) fn with(
        cols: u16,
        rows: u16,
        settings: Settings,
        accounts: Vec<AccountView>,
        mail: Vec<ListRow>,
    ) -> Self {
        let mut scene = Self {
            app: App::new(settings),
            rows: mail,
            accounts: Vec::new(),
            ops: Vec::new(),
            before: Vec::new(),
            reading: reading(),
            desk: writing::Desk::default(),
            effects: Vec::new(),
            is_answering: true,
            windows: 0,
        };
        let effects = scene.app.start();
        assert_eq!(effects, [Effect::Engine(Command::LoadTree)]);
        scene.input(Input::Tick {
            now_secs: NOW,
            monotonic_ms: 1_000,
        });
        scene.input(Input::Resize { cols, rows });
        scene.input(Input::Engine(Event::Tree(accounts)));
        scene
    }

    /// Takes an input and lets the peer answer until nothing is asked any more.
    pub(crate) fn input(&mut self, input: Input) {
        if let Input::Engine(Event::Tree(accounts)) = &input {
            self.accounts.clone_from(accounts);
        }
        let mut waiting = update(&mut self.app, input);
        for _ in 0..50 {
            let mut events = Vec::new();
            for effect in waiting {
                if let Effect::Engine(command) = &effect
                    && self.is_answering
                {
                    events.extend(self.answer(command));
                }
                self.effects.push(effect);
            }
            if events.is_empty() {
                return;
            }
            waiting = Vec::new();
            for event in events {
                waiting.extend(update(&mut self.app, Input::Engine(event)));
            }
        }
        panic!("the app asks without end");
    }

    /// Presses keys, written as chords apart by blanks.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split_whitespace() {
            for key in Chord::parse(word).unwrap().keys() {
                self.input(Input::Key(*key));
            }
        }
        self
    }

    /// Types a text, letter by letter.
    pub(crate) fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.input(Input::Key(Key::plain(Code::Char(c))));
        }
        self
    }

    /// Lets every timer of `token`'s kind run out.
    pub(crate) fn time_out(&mut self, is_wanted: impl Fn(&super::Token) -> bool) -> &mut Self {
        let all = self.effects.iter().filter_map(|e| match e {
            Effect::After { token, .. } if is_wanted(token) => Some(*token),
            _ => None,
        });
        let tokens: Vec<_> = all.collect();
        for token in tokens {
            self.input(Input::Timer(token));
        }
        self
    }

    /// What was asked of the engine since this was called last.
    pub(crate) fn commands(&mut self) -> Vec<Command> {
        let taken = std::mem::take(&mut self.effects);
        let commands = taken.into_iter().filter_map(|effect| match effect {
            Effect::Engine(command) => Some(command),
            _ => None,
        });
        commands.collect()
    }

    /// What the status line says.
    pub(crate) fn notice(&self) -> String {
        let notice = self.app.notices.shown();
        notice.map(|n| n.text.to_string()).unwrap_or_default()
    }
}

pub(crate) fn placed(n: i64) -> Placed {
    Placed {
        message: MessageKey(n),
        mailbox: MailboxKey(11),
    }
}

/// A row with a key, a sender, a subject, and minutes since it arrived.
pub(crate) fn row(n: i64, who: &str, subject: &str, minutes: i64) -> ListRow {
    let mut flags = FlagSet::new();
    flags.insert(Flag::Seen);
    ListRow {
        message: MessageKey(n),
        mailbox: MailboxKey(11),
        account: AccountKey(1),
        thread: ThreadKey(n),
        count: 1,
        unread: 0,
        depth: 0,
        who: Safe::line(who),
        subject: Safe::line(subject),
        preview: Safe::default(),
        arrived_secs: NOW - minutes * 60,
        flags,
        tags: Vec::new(),
        has_attachment: false,
        size_bytes: 4_200,
        is_pending: false,
        is_here: true,
        rest: crate::model::Rest::Here,
    }
}

pub(crate) fn unread(row: ListRow) -> ListRow {
    ListRow {
        flags: FlagSet::new(),
        unread: 1,
        ..row
    }
}

/// A mailbox with a thread, tags, attachments, stars, pending changes.
pub(crate) fn mail() -> Vec<ListRow> {
    let day = 24 * 60;
    let mut plan = unread(row(1, "Alice Johnson", "Re: Q2 launch plan", 13));
    plan.flags.insert(Flag::Flagged);
    plan.has_attachment = true;
    plan.preview = Safe::fixed("Hey, just a short follow-up on the timeline we spoke about");
    let in_thread = |n: i64, who: &str, minutes| ListRow {
        thread: ThreadKey(1),
        depth: 1,
        ..row(n, who, "Re: Q2 launch plan", minutes)
    };
    let mut notes = unread(row(4, "Bob Smith", "Weekly notes", 90));
    notes.preview = Safe::fixed("What went well: the migration, mostly.");
    let mut server = row(
        5,
        "Grace Hopper, Frank",
        "Server migration on Saturday",
        5 * day,
    );
    server.tags = vec![Safe::fixed("ops")];
    server.flags.insert(Flag::Answered);
    server.is_pending = true;
    let mut invoice = row(6, "Tools & Co", "Your invoice 2026-118", 6 * day);
    invoice.has_attachment = true;
    invoice.size_bytes = 182_000;
    let mut fw = row(7, "Dave", "Fwd: conference travel", 9 * day);
    fw.flags.insert(Flag::Forwarded);
    let mut all = vec![
        plan,
        in_thread(2, "Dave Miller", 60),
        ListRow {
            depth: 2,
            ..in_thread(3, "Alice Johnson", 3 * 60)
        },
        notes,
        server,
        invoice,
        fw,
    ];
    all.extend((8..40).map(|n| {
        row(
            n,
            "Mailing List",
            &format!("[dev] patch {n} of the series"),
            40 * day * (n - 6),
        )
    }));
    all
}

/// Wide, narrow, right-to-left and combined characters, and long lines.
pub(crate) fn difficult_mail() -> Vec<ListRow> {
    let long = "A subject that goes on and on, past every column that any terminal has, ".repeat(4);
    let mut all = vec![
        unread(row(
            1,
            "山田太郎（東京支社）",
            "会議の議事録について：来週の予定をご確認ください",
            10,
        )),
        row(2, "مرحبا بالعالم", "שלום עולם: hello from the right", 20),
        row(
            3,
            "👩\u{200d}👩\u{200d}👧 Family 🏳️\u{200d}🌈",
            "🎉🎉 Party ❤️ 👍🏽 tonight 🇩🇪",
            30,
        ),
        row(
            4,
            "e\u{301}e\u{301}e\u{301} Zalgo",
            "combining: a\u{300}\u{301}\u{302} cafe\u{301}",
            40,
        ),
        row(
            5,
            &"Somebody With A Very Long Name Indeed ".repeat(3),
            &long,
            50,
        ),
        row(6, "", "", 60),
        row(
            7,
            "한국어 이름",
            "한글 제목입니다 그리고 조금 더 깁니다",
            70,
        ),
        row(
            8,
            "evil\x1b[31m\u{202e}",
            "red\x1b]0;title\x07 and \u{202e}reversed",
            80,
        ),
    ];
    all[4].tags = (0..9)
        .map(|n| Safe::line(&format!("tag-number-{n}")))
        .collect();
    all
}

pub(crate) fn mailbox(
    key: i64,
    account: i64,
    name: &str,
    role: Option<Role>,
    unread: u32,
) -> Mailbox {
    Mailbox {
        key: MailboxKey(key),
        account: AccountKey(account),
        name: name.to_owned(),
        delimiter: Some('/'),
        role,
        is_subscribed: true,
        namespace: crate::model::Namespace::Personal,
        rights: crate::model::Rights::ALL,
        is_pending: false,
        is_selectable: true,
        total: 100,
        unread,
    }
}

/// An account with special folders and a small tree.
pub(crate) fn account(n: i64, name: &str) -> AccountView {
    let key = |k: i64| n * 10 + k;
    AccountView {
        key: AccountKey(n),
        name: Safe::line(name),
        address: Safe::line(&format!("ann@{name}.example")),
        mode: SyncMode::Push,
        link: Link::InStep { is_watched: true },
        pending: 0,
        quota: None,
        is_maildrop: false,
        mailboxes: vec![
            mailbox(key(1), n, "INBOX", Some(Role::Inbox), 4),
            mailbox(key(2), n, "Drafts", Some(Role::Drafts), 0),
            mailbox(key(3), n, "Sent", Some(Role::Sent), 0),
            mailbox(key(4), n, "Archive", Some(Role::Archive), 0),
            mailbox(key(5), n, "Junk", Some(Role::Junk), 12),
            mailbox(key(6), n, "Projects", None, 0),
            mailbox(key(7), n, "Projects/alpha", None, 2),
            mailbox(key(8), n, "Projects/alpha/old", None, 0),
            mailbox(key(9), n, "日本", None, 0),
        ],
    }
}

pub(crate) fn line(text: &str) -> Line {
    Line {
        spans: vec![Span {
            text: Safe::line(text),
            ..Span::default()
        }],
        ..Line::default()
    }
}

fn quoted(quote: u8, text: &str) -> Line {
    Line {
        quote,
        ..line(text)
    }
}

/// The text of that message: links, quotes at three levels, a signature.
fn body() -> Vec<Line> {
    let mut with_link = line("The draft is at ");
    with_link.spans.push(Span {
        text: Safe::fixed("the wiki"),
        link: Some(0),
        ..Span::default()
    });
    with_link.spans.push(Span {
        text: Safe::fixed(", the numbers at "),
        ..Span::default()
    });
    with_link.spans.push(Span {
        text: Safe::fixed("example.com"),
        link: Some(1),
        emphasis: Emphasis {
            is_bold: true,
            ..Emphasis::default()
        },
        ..Span::default()
    });
    let signature = |text| Line {
        kind: LineKind::Signature,
        ..line(text)
    };
    vec![
        line("Hey, just a short follow-up on the timeline we spoke about:"),
        line("the venue is booked, and the press list is nearly done."),
        line(""),
        with_link,
        line(""),
        quoted(1, "Dave Miller wrote:"),
        quoted(2, "Do we have a date?"),
        quoted(2, "The printers need two weeks."),
        quoted(2, "And the flyers?"),
        quoted(3, "Somebody should ask them."),
        quoted(1, "I asked; the 24th is fine."),
        line(""),
        signature("-- "),
        signature("Alice Johnson, Launch Office"),
    ]
}

/// A message with two links, one of them deceptive, quotes, and two files.
pub(crate) fn reading() -> Reading {
    let pair = |a: &str, b: &str| (Safe::line(a), Safe::line(b));
    let headers = vec![
        pair("From", "Alice Johnson <alice@example.com>"),
        pair(
            "To",
            "Ann Example <ann@work.example>, Dave Miller <dave@example.com>",
        ),
        pair("Date", "Fri, 10 Apr 2026 10:32"),
        pair("Subject", "Re: Q2 launch plan"),
    ];
    let mut all_headers = headers.clone();
    all_headers.push(pair("Message-ID", "<plan-7@example.com>"));
    let received = "from mx.example.com by mail.work.example; Fri, 10 Apr 2026";
    all_headers.push(pair("Received", received));
    let link = |text: &'static str, target: &str, host: &'static str| MailLink {
        shown: Safe::line(target),
        target: target.to_owned(),
        host: Safe::fixed(host),
        onward: Safe::default(),
        text: Safe::fixed(text),
    };
    let file = |n: u16, name: &'static str, mime: &'static str, size_bytes| Attachment {
        outside: "",
        part: PartId(vec![n]),
        name: Safe::fixed(name),
        mime_type: Safe::fixed(mime),
        size_bytes,
    };
    let picture = |n: u32| Picture {
        source: PictureSource::Remote(format!("https://img.example.com/{n}.png")),
        alt: Safe::default(),
        width_px: None,
        height_px: None,
    };
    let sheet = "application/vnd.oasis.opendocument.spreadsheet";
    let wiki = "https://wiki.example.com/launch/plan?rev=7";
    Reading {
        headers,
        date_secs: Some(NOW - 13 * 60),
        all_headers,
        body: body(),
        links: vec![
            link("the wiki", wiki, "wiki.example.com"),
            link(
                "example.com",
                "https://example.com.evil.test/login",
                "example.com.evil.test",
            ),
        ],
        attachments: vec![
            file(2, "agenda.pdf", "application/pdf", 120_400),
            file(3, "budget 2026.ods", sheet, 48_210),
        ],
        is_html: true,
        has_other_form: true,
        pictures: (0..3).map(picture).collect(),
        width: 80,
        ..Reading::default()
    }
}
