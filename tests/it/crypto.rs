//! Signing and encrypting by a real `gpg` with keys made for the test, and what arrives of it.
//!
//! What was signed must verify as it comes out of a mail server; what was to be encrypted must never
//! be written out in clear, whatever fails.

use crate::support::keys::{Keys, body, parts};
use crate::support::outbox::{Outbox, submission};
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::engine::{CryptoError, Gpg};
use pillarbox::mime::{Composer, EightBit, How, NoContents, Purpose, Stamp, Written};
use pillarbox::model::{
    AccountKey, Address, Attached, Content, Draft, DraftKind, Identity, Moment, Recipients,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn draft(to: &str) -> Draft {
    let identity = Identity {
        account: AccountKey(1),
        address: Address {
            name: "Ann Ängström".to_owned(),
            address: "ann@here.test".to_owned(),
        },
        signature: String::new(),
    };
    let mut draft = Draft::new(DraftKind::New, identity);
    draft.to = Recipients::read(to);
    draft.subject = "Grüße".to_owned();
    draft.body =
        "From here it goes:\n.\n..two dots\ntrailing blanks   \n\n-- \nÄnn\n\nend".to_owned();
    draft.attachments = vec![Attached {
        content: Content::Bytes((0..=255).cycle().take(5000).collect()),
        name: "größe.bin".to_owned(),
        mime_type: "application/octet-stream".to_owned(),
        charset: String::new(),
        size_bytes: None,
    }];
    draft
}

fn how() -> How {
    How {
        purpose: Purpose::Sending,
        eight_bit: EightBit::Freely,
        stamp: Stamp {
            date: Moment {
                unix_secs: 1_700_000_000,
                offset_mins: 60,
            },
            token: [7; 16],
        },
    }
}

fn seal(gpg: &Gpg, draft: &Draft, folder: &Path) -> (Result<Written, CryptoError>, Vec<u8>) {
    let mut out = Vec::new();
    let written = gpg.seal(draft, how(), &mut NoContents, folder, &mut out);
    (written, out)
}

#[tokio::test]
async fn a_signature_verifies_as_the_message_comes_out_of_a_server() {
    let Some(keys) = Keys::of("ann@here.test") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut draft = draft("Bob <bob@there.test>");
    draft.sending.is_signed = true;
    for is_markdown in [false, true] {
        draft.sending.is_markdown = is_markdown;
        keys.gpg().look(&draft).unwrap();
        let (written, message) = seal(&keys.gpg(), &draft, folder.path());
        let written = written.unwrap();
        assert_eq!(written.size_bytes, message.len() as u64);
        assert!(message.is_ascii() && !written.needs_8bitmime && !written.needs_smtputf8);
        let outbox = Outbox::new(Offer::default().without(&["8BITMIME"]));
        let mut submitter = outbox.open().await.unwrap();
        let to = submission("ann@here.test", &["bob@there.test"], &message);
        submitter.submit(&to, &message[..]).await;
        let taken = outbox.taken().remove(0).raw;
        assert_eq!(taken, message);
        let found = parts(&taken);
        assert_eq!(found.len(), 3);
        let (entity, signature) = (
            folder.path().join("entity"),
            folder.path().join("signature"),
        );
        fs::write(&entity, found[1]).unwrap();
        fs::write(&signature, body(found[2])).unwrap();
        let verify = [
            "--verify",
            signature.to_str().unwrap(),
            entity.to_str().unwrap(),
        ];
        let said = String::from_utf8(keys.run(&verify).stderr).unwrap();
        assert!(
            said.contains("[GNUPG:] GOODSIG") && said.contains("ann@here.test"),
            "{said}"
        );
        // The hash that the header names is the one that was used.
        let valid = said.lines().find(|l| l.contains("VALIDSIG")).unwrap();
        let hash = valid.split(' ').nth(9).unwrap();
        let micalg = match hash {
            "8" => "pgp-sha256",
            "10" => "pgp-sha512",
            other => panic!("{other}"),
        };
        assert!(String::from_utf8_lossy(found[0]).contains(micalg));
        // One changed letter is noticed.
        fs::write(&entity, [found[1], b"x"].concat()).unwrap();
        assert!(!keys.run(&verify).status.success());
    }
}

#[test]
fn what_is_encrypted_is_read_by_its_recipients_and_its_writer_and_nobody_else() {
    let Some(ann) = Keys::of("ann@here.test") else {
        return;
    };
    let (bob, eve) = (
        Keys::of("bob@there.test").unwrap(),
        Keys::of("eve@there.test").unwrap(),
    );
    let cat = Keys::of("cat@there.test").unwrap();
    ann.meet(&bob, "bob@there.test", true);
    ann.meet(&cat, "cat@there.test", true);
    bob.meet(&ann, "ann@here.test", false);
    cat.meet(&ann, "ann@here.test", false);
    let folder = tempfile::tempdir().unwrap();
    let mut draft = draft("bob@there.test");
    draft.bcc = Recipients::read("cat@there.test");
    draft.sending.is_encrypted = true;
    draft.sending.is_signed = true;
    ann.gpg().look(&draft).unwrap();
    let (written, message) = seal(&ann.gpg(), &draft, folder.path());
    written.unwrap();
    let text = String::from_utf8(message.clone()).unwrap();
    assert!(
        !text.contains("two dots") && !text.contains("cat@there.test"),
        "{text}"
    );
    let found = parts(&message);
    assert_eq!(body(found[1]), b"Version: 1\r\n");
    let file = folder.path().join("armoured");
    fs::write(&file, body(found[2])).unwrap();
    let file = file.to_str().unwrap();
    let mut entity = Vec::new();
    Composer::new(&draft, how())
        .entity(&mut NoContents, &mut entity)
        .unwrap();
    for reader in [&ann, &bob, &cat] {
        assert_eq!(reader.done(&["--decrypt", file]), entity);
    }
    let said = String::from_utf8(bob.run(&["--decrypt", file]).stderr).unwrap();
    assert!(said.contains("[GNUPG:] GOODSIG"), "{said}");
    assert!(!eve.run(&["--decrypt", file]).status.success());
    // Who got a blind copy is not told by the keys.
    assert!(said.contains("ENC_TO 0000000000000000"), "{said}");
}

#[test]
fn whatever_is_missing_is_named_and_nothing_is_written_in_clear() {
    let Some(ann) = Keys::of("ann@here.test") else {
        return;
    };
    let bob = Keys::of("bob@there.test").unwrap();
    ann.meet(&bob, "bob@there.test", false);
    let folder = tempfile::tempdir().unwrap();
    let told = |gpg: &Gpg, draft: &Draft| {
        let (written, out) = seal(gpg, draft, folder.path());
        assert!(out.is_empty(), "{}", String::from_utf8_lossy(&out));
        written.unwrap_err().to_string()
    };
    let mut secret = draft("bob@there.test, nobody@there.test");
    secret.sending.is_encrypted = true;
    let missing = told(&ann.gpg(), &secret);
    assert!(
        missing.contains("no public key for nobody@there.test") || missing.contains("trust"),
        "{missing}"
    );
    let looked = ann.gpg().look(&secret).unwrap_err().to_string();
    assert!(
        looked.contains("no public key for nobody@there.test"),
        "{looked}"
    );
    secret.to = Recipients::read("nobody@there.test");
    assert!(told(&ann.gpg(), &secret).contains("no public key for nobody@there.test"));
    secret.to = Recipients::read("bob@there.test");
    assert!(told(&ann.gpg(), &secret).contains("does not trust the key of bob@there.test"));
    secret.to = Recipients::read("bob@there.test>, x");
    assert!(told(&ann.gpg(), &secret).contains("bob@there.test>"));
    secret.kind = DraftKind::Bounce;
    assert!(told(&ann.gpg(), &secret).contains("not written in clear"));
    secret.kind = DraftKind::New;
    let mut signed = draft("bob@there.test");
    signed.sending.is_signed = true;
    assert!(told(&bob.gpg(), &signed).contains("no secret key for ann@here.test"));
    assert!(
        bob.gpg()
            .look(&signed)
            .unwrap_err()
            .to_string()
            .contains("no secret key")
    );
    let none = Gpg::at("no-such-gpg", None);
    assert!(told(&none, &signed).contains("gpg is not installed"));
    assert!(
        told(&none, &secret).contains("bob@there.test>")
            || told(&none, &secret).contains("not installed")
    );
    let broken = Gpg::at("false", None);
    assert!(told(&broken, &signed).contains("gpg failed"));
    // One that says it is done, and is not.
    let cat = folder.path().join("liar");
    fs::write(&cat, "#!/bin/sh\ncat\n").unwrap();
    fs::set_permissions(&cat, fs::Permissions::from_mode(0o755)).unwrap();
    secret.to = Recipients::read("bob@there.test");
    assert!(told(&Gpg::at(&cat, None), &secret).contains("gpg failed"));
}

#[test]
fn a_locked_key_is_not_asked_for_on_the_terminal_but_told_how_to_unlock() {
    let Some(ann) = Keys::with("ann@here.test", "open sesame") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut draft = draft("bob@there.test");
    draft.sending.is_signed = true;
    let (written, out) = seal(&ann.gpg(), &draft, folder.path());
    let told = written.unwrap_err().to_string();
    assert!(
        told.contains("passphrase of ann@here.test") && told.contains("gpg-agent"),
        "{told}"
    );
    assert!(out.is_empty());
    // Unlocked by whoever knows it, it is signed without a question.
    let file = folder.path().join("x");
    fs::write(&file, "x").unwrap();
    ann.done(&[
        "--passphrase",
        "open sesame",
        "--pinentry-mode",
        "loopback",
        "--detach-sign",
        file.to_str().unwrap(),
    ]);
    seal(&ann.gpg(), &draft, folder.path()).0.unwrap();
}

#[test]
fn a_draft_that_is_kept_is_encrypted_to_its_writer_alone() {
    let Some(ann) = Keys::of("ann@here.test") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut draft = draft("half an addr");
    draft.sending.is_encrypted = true;
    draft.sending.is_signed = true;
    let keeping = How {
        purpose: Purpose::Keeping,
        ..how()
    };
    let mut out = Vec::new();
    ann.gpg()
        .seal(&draft, keeping, &mut NoContents, folder.path(), &mut out)
        .unwrap();
    assert!(!String::from_utf8_lossy(&out).contains("two dots"));
    let file = folder.path().join("armoured");
    fs::write(&file, body(parts(&out)[2])).unwrap();
    let clear = ann.done(&["--decrypt", file.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&clear).contains("two dots"));
}
