//! What is written here is what arrives: over TLS, in a real mailbox, read by others.
//!
//! The whole engine between Dovecot and the demo's submission server behind TLS. What that took is put
//! into the recipients' mailboxes as it came and fetched by a plain client; Python's `email` and `gpg`
//! then read it. Nothing of the program may look at what arrived before they have.

use crate::support::desk::{Desk, account, placed};
use crate::support::keys::{Keys, body, parts};
use crate::support::post::Sending;
use crate::support::reader::{Seen, has_python};
use crate::support::tls_post::TlsPost;
use crate::support::writer::Opened;
use crate::support::{Dovecot, Kind, OtherClient, wait_until};
use pillarbox::demo::Act;
use pillarbox::demo::smtp::{Options as Offer, Peer, Received};
use pillarbox::engine::{Gpg, Outgoing, SaveSent, Sender, Setup, Writing};
use pillarbox::model::{
    Address, Caret, Draft, DraftStart, OutboxState, Placed, Recipients, Secret,
};
use pillarbox::net::smtp::Manner;
use pillarbox::net::{Login, Options, Security};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Somebody who writes, the servers, and everybody's mailboxes.
struct Scene {
    dovecot: &'static Dovecot,
    user: String,
    own: OtherClient,
    desk: Desk,
    folder: tempfile::TempDir,
    taken: Arc<Mutex<Vec<Received>>>,
    /// Who is who at the recipients' server.
    people: BTreeMap<String, String>,
    kinds: Vec<&'static str>,
    _server: tokio::runtime::Runtime,
}

impl Scene {
    fn new(security: Security, offer: Offer, gpg: impl FnOnce(&str) -> Gpg) -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        let user = dovecot.fresh_user();
        let server = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let taken = Arc::<Mutex<Vec<Received>>>::default();
        let sink = Arc::clone(&taken);
        let peer = Peer::new(offer, move |message| sink.lock().unwrap().push(message));
        let post = server.block_on(TlsPost::start(security, peer));
        let address = format!("{user}@example.org");
        let mut setup = account(dovecot, &user);
        setup.outgoing = Some(Outgoing {
            server: post.server("localhost", security),
            login: Arc::new(|| {
                Ok(Login::Password {
                    user: "ann".to_owned(),
                    password: Secret::new("secret".to_owned()),
                })
            }),
            options: Options::default(),
            manner: Manner::default(),
            save_sent: SaveSent::Always,
            undo: Duration::ZERO,
        });
        setup.writing = Writing {
            senders: vec![Sender {
                address: Address {
                    name: "Ånn Éxample".to_owned(),
                    address: address.clone(),
                },
                signature: String::new(),
            }],
            ..Writing::default()
        };
        // Kept until the root was read.
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("ca.pem");
        let outgoing = setup.outgoing.as_mut().unwrap();
        fs::copy(outgoing.server.ca_file.as_ref().unwrap(), &root).unwrap();
        outgoing.server.ca_file = Some(root);
        let data_dir = folder.path().join("data");
        let mut desk = Desk::start_with(Setup {
            downloads: data_dir.join("downloads"),
            templates: data_dir.join("templates"),
            data_dir,
            accounts: vec![setup],
            directory: pillarbox::config::Directory::default(),
            spelling: String::new(),
            web: pillarbox::net::http::Limits::default(),
            gpg: gpg(&address),
            is_offline: false,
        });
        desk.wait_in_step();
        Self {
            own: dovecot.client(&user),
            dovecot,
            user,
            desk,
            folder,
            taken,
            people: BTreeMap::new(),
            kinds: Vec::new(),
            _server: server,
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn attach(&mut self, draft: &mut Draft, name: &str, bytes: &[u8]) {
        let path = self.file(name, bytes);
        let attached = self.desk.attach(path.to_str().unwrap()).unwrap();
        draft.attachments.push(attached);
    }

    fn blank(&mut self, to: &str, subject: &str) -> Opened {
        let mut opened = self.desk.compose(DraftStart::Blank(None)).unwrap();
        opened.draft.to = Recipients::read(to);
        opened.draft.subject = subject.to_owned();
        opened
    }

    /// A message that came in before, and where it lies.
    fn receive(&mut self, message: &str) -> (Vec<u8>, Placed) {
        self.dovecot.deliver(&self.user, "INBOX", message);
        let uids = self.own.search("INBOX", "ALL");
        let inbox = self.desk.mailbox("INBOX").key;
        let is_there = |rows: &[pillarbox::model::ListRow]| rows.len() == uids.len();
        let rows = self.desk.wait_rows("the message", inbox, is_there);
        let newest = rows.iter().max_by_key(|row| row.message).unwrap();
        let raw = self.own.body("INBOX", *uids.last().unwrap());
        (raw, placed(newest))
    }

    /// Sends a draft; what everybody has then is the same, byte for byte.
    fn deliver(&mut self, kind: &'static str, opened: &Opened) -> (Received, Seen) {
        let before = self.taken.lock().unwrap().len();
        self.desk.keep(opened.key, &opened.draft, Caret::default());
        self.desk.post(opened.key).unwrap();
        let taken = &self.taken;
        wait_until(kind, || taken.lock().unwrap().len() > before);
        let taken = self.taken.lock().unwrap()[before].clone();
        let own = &mut self.own;
        wait_until("the copy", || own.search("Sent", "ALL").len() == before + 1);
        let sent = *self.own.search("Sent", "ALL").last().unwrap();
        let copy = self.own.body("Sent", sent);
        assert!(copy == taken.raw, "{kind}: another is filed");
        let mut arrived = Vec::new();
        let to = &taken.to;
        let some = [0, to.len() / 2, to.len() - 1];
        for (at, recipient) in to.iter().enumerate() {
            if to.len() <= 5 || some.contains(&at) {
                arrived = self.arrive(&recipient.address, &taken.raw);
                assert!(arrived == copy, "{kind}: another arrived");
            }
        }
        self.kinds.push(kind);
        println!(
            "{kind}: {} bytes to {} people",
            arrived.len(),
            taken.to.len()
        );
        let seen = match kind {
            // The lines are the ones of the message that is passed on.
            "bounce" => Seen::of_any(arrived),
            _ => Seen::of(arrived),
        };
        (taken, seen)
    }

    /// Puts a message into somebody's mailbox, and fetches it there.
    fn arrive(&mut self, address: &str, raw: &[u8]) -> Vec<u8> {
        let dovecot = self.dovecot;
        let user = self.people.entry(address.to_owned());
        let user = user.or_insert_with(|| dovecot.fresh_user());
        let mut client = dovecot.client(user);
        assert_eq!(client.append_bytes("INBOX", "", raw), None);
        let uid = *client.search("INBOX", "ALL").last().unwrap();
        let body = client.body("INBOX", uid);
        client.leave();
        body
    }
}

fn addresses(taken: &Received) -> Vec<&str> {
    taken.to.iter().map(|r| r.address.as_str()).collect()
}

/// Random bytes, always the same.
fn noise(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..len).map(|_| random.u8(..)).collect()
}

fn plain_and_flowed(scene: &mut Scene) {
    let mut opened = scene.blank("Bo <bo@there.test>", "Hello");
    opened.draft.body = "Hello,\n\nall is well.\n.\n..\nFrom here\n-- \nAnn\n".to_owned();
    let (taken, seen) = scene.deliver("plain", &opened);
    seen.is_faultless();
    assert_eq!(addresses(&taken), ["bo@there.test"]);
    let from = &seen.json["from"][0];
    assert_eq!(from[0], "Ånn Éxample");
    assert_eq!(from[1], taken.from.as_str());
    assert_eq!(
        seen.text(0),
        "Hello,\r\n\r\nall is well.\r\n.\r\n..\r\n From here\r\n-- \r\nAnn\r\n"
    );

    let mut opened = scene.blank("bo@there.test", "Flowed");
    let long = "word ".repeat(300).trim_end().to_owned();
    opened.draft.body = format!("{long}\n\n> quoted\n");
    let (_, seen) = scene.deliver("flowed", &opened);
    seen.is_faultless();
    assert_eq!(seen.json["parts"][0]["params"]["format"], "flowed");
    assert!(seen.text(0).lines().all(|line| line.len() <= 78));
    let joined = seen.text(0).replace(" \r\n", " ");
    assert_eq!(joined, format!("{long}\r\n\r\n> quoted\r\n"));
}

fn html_and_text(scene: &mut Scene) {
    let mut opened = scene.blank("bo@there.test", "Page");
    opened.draft.body = "Dear **Bo**,\n\n- ä\n- b\n".to_owned();
    opened.draft.sending.is_markdown = true;
    let (_, seen) = scene.deliver("HTML and text", &opened);
    seen.is_faultless();
    let types = ["multipart/alternative", "text/plain", "text/html"];
    assert_eq!(seen.types(), types);
    assert_eq!(seen.text(1), "Dear **Bo**,\r\n\r\n- ä\r\n- b\r\n");
    assert!(seen.text(2).contains("<strong>Bo</strong>") && seen.text(2).contains("<li>ä</li>"));
}

fn every_script(scene: &mut Scene) {
    let subject = "Grüße 漢字 🎉 ".repeat(12).trim_end().to_owned();
    let mut opened = scene.blank(
        "Иван Петров <i@пример.рф>, \"Müller, Ü\" <u@x.de>",
        &subject,
    );
    opened.draft.body = "Schöne Grüße, 漢字\n".to_owned();
    let long = format!("{} 漢字.bin", "Jahresabschluß ".repeat(5).trim_end());
    let names = ["Übersicht.bin", long.as_str()];
    for name in names {
        scene.attach(&mut opened.draft, name, &noise(1000));
    }
    let (taken, seen) = scene.deliver("every script", &opened);
    seen.is_faultless();
    assert_eq!(addresses(&taken), ["i@xn--e1afmkfd.xn--p1ai", "u@x.de"]);
    assert_eq!(seen.json["subject"], subject.as_str());
    let to = json!([
        ["Иван Петров", "i@xn--e1afmkfd.xn--p1ai"],
        ["Müller, Ü", "u@x.de"]
    ]);
    assert_eq!(seen.json["to"], to);
    assert_eq!(seen.text(1), "Schöne Grüße, 漢字\r\n");
    let wanted = names.map(|name| (name.to_owned(), noise(1000)));
    assert!(seen.files() == wanted, "{:?}", seen.json["parts"]);
}

fn an_address_in_utf8(scene: &mut Scene) {
    let mut opened = scene.blank("Jörg <jörg@bücher.example>", "Größe");
    opened.draft.body = "Grüße\n".to_owned();
    let (taken, seen) = scene.deliver("an address in UTF-8", &opened);
    // That it is in UTF-8 is what Python has to say of it.
    let told = json!(["To: local-part contains non-ASCII characters)"]);
    assert_eq!(seen.json["defects"], told);
    assert!(taken.parameters.iter().any(|p| p == "SMTPUTF8"));
    let host = addresses(&taken)[0].strip_prefix("jörg@");
    assert!(matches!(
        host,
        Some("bücher.example" | "xn--bcher-kva.example")
    ));
    assert_eq!(
        seen.json["to"][0],
        json!(["Jörg", "jörg@xn--bcher-kva.example"])
    );
    assert_eq!(seen.json["subject"], "Größe");
    assert_eq!(seen.text(0), "Grüße\r\n");
}

fn a_large_file(scene: &mut Scene) {
    let bytes = noise(25 << 20);
    let mut opened = scene.blank("bo@there.test", "Large");
    scene.attach(&mut opened.draft, "large.bin", &bytes);
    let (_, seen) = scene.deliver("a file of 25 MB", &opened);
    seen.is_faultless();
    assert!(seen.files() == [("large.bin".to_owned(), bytes)]);
}

fn many_people(scene: &mut Scene) {
    let people: Vec<String> = (0..200)
        .map(|n| format!("Persön {n} <p{n}@there.test>"))
        .collect();
    let mut opened = scene.blank(&people.join(", "), "To all");
    opened.draft.body = "Hello\n".to_owned();
    let (taken, seen) = scene.deliver("200 recipients", &opened);
    seen.is_faultless();
    let wanted: Vec<String> = (0..200).map(|n| format!("p{n}@there.test")).collect();
    assert_eq!(addresses(&taken), wanted);
    let to = seen.json["to"].as_array().unwrap();
    assert_eq!((to.len(), &to[199][0]), (200, &json!("Persön 199")));
}

fn blind_copies(scene: &mut Scene) {
    let mut opened = scene.blank("bo@there.test", "Quiet");
    opened.draft.cc = Recipients::read("cy@there.test");
    opened.draft.bcc = Recipients::read("Spy <hidden@elsewhere.test>");
    opened.draft.body = "Hello\n".to_owned();
    let (taken, seen) = scene.deliver("Bcc", &opened);
    seen.is_faultless();
    let wanted = ["bo@there.test", "cy@there.test", "hidden@elsewhere.test"];
    assert_eq!(addresses(&taken), wanted);
    // All copies are the same, as was seen.
    let text = String::from_utf8(seen.raw).unwrap().to_lowercase();
    for told in ["bcc:", "hidden", "spy"] {
        assert!(!text.contains(told), "{text}");
    }
}

const WITH_FILES: &str = "From: =?utf-8?Q?B=C3=B6?= <bo@there.test>\nTo: ann@example.org\n\
    Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\nMessage-ID: <files@there.test>\nMIME-Version: 1.0\n\
    Content-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
    Gr=FC=DFe\n\
    --b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''%C3%BC.pdf\n\
    Content-Transfer-Encoding: base64\n\nAP8KDQoB\n\
    --b\nContent-Type: image/png; name=\"a b.png\"\nContent-Disposition: attachment\n\
    Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n";

fn what_is_passed_on(scene: &mut Scene) {
    let (raw, at) = scene.receive(WITH_FILES);
    let original = Seen::of(raw).files();
    assert_eq!(original.len(), 2);
    let mut opened = scene.desk.compose(DraftStart::Forward(at)).unwrap();
    opened.draft.to = Recipients::read("cy@there.test");
    let (_, seen) = scene.deliver("forward with files", &opened);
    seen.is_faultless();
    assert_eq!(seen.json["subject"], "Fwd: Grüße");
    assert!(seen.text(1).contains("\r\nGrüße\r\n"));
    assert!(seen.files() == original, "{:?}", seen.json["parts"]);
}

fn an_answer_to_a_list(scene: &mut Scene) {
    let (_, at) = scene.receive(
        "From: Bo <bo@there.test>\nTo: talk@lists.test\nSubject: Plan\nMessage-ID: <p@there.test>\n\
         List-Id: <talk.lists.test>\nList-Post: <mailto:talk@lists.test>\n\nWell?\n",
    );
    let opened = scene.desk.compose(DraftStart::ReplyList(at)).unwrap();
    let (taken, seen) = scene.deliver("list reply", &opened);
    seen.is_faultless();
    assert_eq!(addresses(&taken), ["talk@lists.test"]);
    assert_eq!(seen.json["to"], json!([["", "talk@lists.test"]]));
    assert_eq!(seen.json["subject"], "Re: Plan");
    assert_eq!(seen.json["in_reply_to"], "<p@there.test>");
    assert!(
        seen.text(0).ends_with("wrote:\r\n> Well?\r\n"),
        "{}",
        seen.text(0)
    );
}

fn what_is_bounced(scene: &mut Scene) {
    let (raw, at) = scene.receive(
        "Received: by x\n\tfor y\nFrom: Bo  <bo@there.test>\nTo: ann@example.org\nSubject:  Look \n\
         Message-ID: <look@there.test>\nX-Odd:\tone\n two\n\nAs it is. \n.\n\n\n",
    );
    let mut opened = scene.desk.compose(DraftStart::Bounce(at)).unwrap();
    opened.draft.to = Recipients::read("C <cy@there.test>");
    let (taken, seen) = scene.deliver("bounce", &opened);
    assert_eq!(addresses(&taken), ["cy@there.test"]);
    let added = seen.raw.strip_suffix(raw.as_slice());
    let added = String::from_utf8(added.expect("it was changed").to_vec()).unwrap();
    let is_resent = |line: &str| line.starts_with("Resent-") || line.starts_with([' ', '\t']);
    assert!(added.lines().all(is_resent), "{added}");
    assert_eq!(seen.json["resent_to"], "C <cy@there.test>");
    assert_eq!(seen.json["to"][0][1], "ann@example.org");
}

fn what_is_signed(scene: &mut Scene, keys: &Keys) {
    let mut opened = scene.blank("bo@there.test", "Signed");
    opened.draft.body = "From me  \n\n-- \nÄnn\n".to_owned();
    opened.draft.sending.is_signed = true;
    scene.attach(&mut opened.draft, "größe.bin", &noise(5000));
    let (_, seen) = scene.deliver("signed", &opened);
    seen.is_faultless();
    assert!(seen.types().contains(&"application/pgp-signature"));
    let found = parts(&seen.raw);
    let files = [("entity", found[1]), ("signature", body(found[2]))];
    let [entity, signature] = files.map(|(name, bytes)| scene.file(name, bytes));
    let arguments = [
        "--verify",
        signature.to_str().unwrap(),
        entity.to_str().unwrap(),
    ];
    let output = keys.run(&arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let address = format!("{}@example.org", scene.user);
    assert!(said.contains("[GNUPG:] GOODSIG") && said.contains(&address));
}

fn all_kinds(security: Security) {
    if !has_python() {
        return;
    }
    let mut keys = None;
    let mut scene = Scene::new(security, Offer::default(), |address| {
        keys = Keys::of(address);
        keys.as_ref().map(Keys::gpg).unwrap_or_default()
    });
    plain_and_flowed(&mut scene);
    html_and_text(&mut scene);
    every_script(&mut scene);
    an_address_in_utf8(&mut scene);
    a_large_file(&mut scene);
    many_people(&mut scene);
    blind_copies(&mut scene);
    what_is_passed_on(&mut scene);
    an_answer_to_a_list(&mut scene);
    what_is_bounced(&mut scene);
    if let Some(keys) = &keys {
        what_is_signed(&mut scene, keys);
    }
    println!(
        "{security:?}: {} kinds {:?}",
        scene.kinds.len(),
        scene.kinds
    );
    assert!(scene.desk.outbox().is_empty() && scene.desk.kept().is_empty());
}

#[test]
fn everything_that_is_written_arrives_byte_for_byte_over_tls() {
    all_kinds(Security::Implicit);
}

#[test]
fn everything_that_is_written_arrives_byte_for_byte_over_starttls() {
    all_kinds(Security::StartTls);
}

#[test]
fn an_address_that_the_server_cannot_take_is_named_and_the_message_kept() {
    let offer = Offer::default().without(&["SMTPUTF8"]);
    let mut scene = Scene::new(Security::Implicit, offer, |_| Gpg::default());
    let mut opened = scene.blank("Jörg <jörg@bücher.example>", "Größe");
    opened.draft.body = "Kept\n".to_owned();
    scene.desk.keep(opened.key, &opened.draft, Caret::default());
    let (item, _) = scene.desk.post(opened.key).unwrap();
    let mut error = String::new();
    wait_until("the failure", || {
        let items = scene.desk.outbox();
        error = items[0].error.as_str().to_owned();
        items[0].state == OutboxState::Failed
    });
    println!("{error}");
    assert!(error.contains("SMTPUTF8"), "{error}");
    assert!(scene.taken.lock().unwrap().is_empty());
    assert!(scene.own.search("Sent", "ALL").is_empty());
    let (_, back) = scene.desk.take_back(item).unwrap();
    assert_eq!(back, opened.draft);
}

#[test]
fn a_draft_with_a_file_of_60_megabytes_is_composed_sent_and_filed_in_little_memory() {
    const MEMORY_MAX: u64 = 64 * 1024 * 1024;
    let sending = Sending::new(Offer {
        size_max: 100_000_000,
        ..Offer::default()
    });
    let bytes = noise(60_000_000);
    fs::write(sending.program.folder().join("big.bin"), &bytes).unwrap();
    let config = sending.config() + "[accounts.work.send]\nundo = \"0s\"\n";
    sending.program.write_config(&config);
    sending.peer.peer.faults().once("APPEND", Act::Hold);
    let link = "mailto:bo@there.test?subject=Big&body=Here.";
    let mut screen = sending.program.screen(&["compose", link], 90, 24);
    screen.wait_for("bo@there.test");
    screen.keys("<C-a>");
    screen.wait_for("Attach");
    screen.keys("big.bin");
    screen.wait_for("big.bin  60 M");
    screen.keys("<Enter>");
    screen.wait_for("Attached big.bin");
    screen.keys("<C-x>");
    screen.wait_for("82 M");
    screen.keys("y");
    let said = |word: &str| {
        let log = sending.post.peer.log();
        log.iter().any(|line| line.starts_with(word))
    };
    screen.wait("the message to be composed", |_| said("DATA"));
    screen.wait("the copy", |_| sending.copies() == 1);
    let peak = screen.peak();
    sending.peer.peer.faults().release();
    println!("peak: {peak:?}");
    let taken = sending.post.taken();
    assert!(taken[0].raw.len() > 80_000_000);
    assert!(peak.is_none_or(|peak| peak <= MEMORY_MAX), "{peak:?}");
    wait_until("an empty outbox", || sending.state() == "none");
    screen.quit();
    if has_python() {
        let seen = Seen::of(taken[0].raw.clone());
        assert!(seen.files() == [("big.bin".to_owned(), bytes)]);
    }
}
