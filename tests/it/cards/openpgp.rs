//! Checking and decrypting OpenPGP, with a real `gpg`.
//!
//! What is told of a signature must be what was checked, and what was decrypted must be nowhere on the disk.

use super::{Scene, is_told, replaced, seal_lines, text, text_holds};
use crate::support::keys::Keys;
use pillarbox::engine::Gpg;
use pillarbox::mime::{EightBit, How, NoContents, Purpose, Stamp};
use pillarbox::model::{
    AccountKey, Address, Draft, DraftKind, DraftStart, Identity, Moment, Recipients, Tone,
};

const ANN: &str = "ann@here.test";
const BOB: &str = "bob@there.test";

/// What Ann signs, and encrypts where there is somebody to encrypt it for.
fn letter(ann: &Keys, body: &str, to: Option<&str>) -> String {
    let identity = Identity {
        account: AccountKey(1),
        address: Address {
            name: "Ann".to_owned(),
            address: ANN.to_owned(),
        },
        signature: String::new(),
    };
    let mut draft = Draft::new(DraftKind::New, identity);
    draft.to = Recipients::read(to.unwrap_or(BOB));
    draft.subject = "Sealed".to_owned();
    draft.body = body.to_owned();
    draft.sending.is_signed = true;
    draft.sending.is_encrypted = to.is_some();
    let stamp = Stamp {
        date: Moment {
            unix_secs: 1_700_000_000,
            offset_mins: 60,
        },
        token: [7; 16],
    };
    let how = How {
        purpose: Purpose::Sending,
        eight_bit: EightBit::Never,
        stamp,
    };
    let mut out = Vec::new();
    let folder = std::env::temp_dir();
    ann.gpg()
        .seal(&draft, how, &mut NoContents, &folder, &mut out)
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// Ann and Bob, who know and trust each other's keys.
fn couple() -> Option<(Keys, Keys)> {
    let (ann, bob) = (Keys::of(ANN)?, Keys::of(BOB)?);
    ann.meet(&bob, BOB, true);
    bob.meet(&ann, ANN, true);
    Some((ann, bob))
}

#[test]
fn a_signature_is_told_only_when_it_was_checked_and_by_whose_key_it_is() {
    let Some(ann) = Keys::of(ANN) else {
        return;
    };
    let message = letter(&ann, "Pay Ann.", None);
    let mut scene = Scene::reading(ann.gpg());
    let good = scene.receive(message.as_bytes());
    is_told(
        &scene.open(good),
        0,
        Tone::Plain,
        "Signed with OpenPGP, not checked",
    );
    let shown = scene.check(good);
    is_told(
        &shown,
        0,
        Tone::Good,
        "Good signature of Somebody <ann@here.test>",
    );
    assert_eq!(text(&shown).trim(), "Pay Ann.");
    let changed = scene.checked(&replaced(&message, "Pay Ann.", "Pay Eve."));
    is_told(&changed, 0, Tone::Warning, "BAD signature");
    let other = scene.checked(&replaced(
        &message,
        "From: \"Ann\" <ann@here.test>",
        "From: \"Boss\" <boss@here.test>",
    ));
    is_told(
        &other,
        0,
        Tone::Warning,
        "Signed by another than the sender",
    );
    // A footer that a list put below, as lists do.
    let (head, body) = message
        .split_once("Content-Type: multipart/signed")
        .unwrap();
    let listed = format!(
        "{head}Content-Type: multipart/mixed; boundary=list\r\n\r\n--list\r\nContent-Type: multipart/signed{body}\r\n\
         --list\r\nContent-Type: text/plain\r\n\r\nPay Eve instead.\r\n--list--\r\n"
    );
    let shown = scene.checked(listed.as_bytes());
    assert_eq!(seal_lines(&shown)[0].0, Tone::Good);
    let words = text(&shown);
    let (signed, outside) = words.split_once("[Not signed").unwrap();
    assert!(
        signed.contains("[Signed]")
            && signed.contains("Pay Ann.")
            && outside.contains("Pay Eve instead."),
        "{words}"
    );
}

#[test]
fn a_key_that_is_not_here_or_not_certified_proves_nothing() {
    let (Some(ann), Some(bob)) = (Keys::of(ANN), Keys::of(BOB)) else {
        return;
    };
    let mut scene = Scene::reading(bob.gpg());
    let placed = scene.receive(letter(&ann, "Hello", None).as_bytes());
    is_told(
        &scene.check(placed),
        0,
        Tone::Warning,
        "Signed with the key",
    );
    assert!(
        seal_lines(&scene.open(placed))[0]
            .1
            .contains("not here: import it")
    );
    bob.meet(&ann, ANN, false);
    is_told(
        &scene.check(placed),
        0,
        Tone::Plain,
        "The signature fits the key",
    );
    assert!(
        seal_lines(&scene.open(placed))[0]
            .1
            .contains("you have not certified")
    );
    bob.meet(&ann, ANN, true);
    is_told(&scene.check(placed), 0, Tone::Good, "Good signature");
}

#[test]
fn what_is_decrypted_is_shown_in_a_frame_and_is_nowhere_on_the_disk() {
    let Some((ann, bob)) = couple() else {
        return;
    };
    let secret = "The-goat-is-behind-the-chapel";
    let mut scene = Scene::reading(bob.gpg());
    let placed = scene.receive(letter(&ann, secret, Some(BOB)).as_bytes());
    let shown = scene.open(placed);
    is_told(&shown, 0, Tone::Plain, "Encrypted with OpenPGP");
    assert!(!text_holds(&shown, secret));
    let shown = scene.check(placed);
    is_told(&shown, 0, Tone::Good, "Decrypted");
    is_told(&shown, 1, Tone::Good, "Good signature");
    let words = text(&shown);
    assert!(
        words.starts_with("[Decrypted]") && words.contains(secret),
        "{words}"
    );
    // An answer does not carry it out in clear.
    let opened = scene.desk.compose(DraftStart::Reply(placed)).unwrap();
    assert!(!opened.draft.body.contains(secret), "{}", opened.draft.body);
    scene.ends_without(secret);
}

#[test]
fn what_cannot_be_decrypted_says_why() {
    let (Some(ann), Some(eve)) = (Keys::of(ANN), Keys::of("eve@other.test")) else {
        return;
    };
    let message = letter(&ann, "For Ann alone", Some(ANN));
    let why = Scene::reading(eve.gpg()).refused(message.as_bytes());
    assert!(
        why.starts_with("Not decrypted: it was encrypted for a key that is not here; open it"),
        "{why}"
    );
    // One letter of what was encrypted is changed.
    let at = message.find("-----END PGP MESSAGE").unwrap() - 120;
    let mut bytes = message.into_bytes();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let mut own = Scene::reading(ann.gpg());
    let placed = own.receive(&bytes);
    let shown = own.check(placed);
    is_told(
        &shown,
        0,
        Tone::Warning,
        "Not decrypted: it was changed or damaged on the way",
    );
    assert!(!text_holds(&shown, "For Ann"), "{shown:?}");
}

#[test]
fn a_locked_key_is_not_asked_for_on_the_screen() {
    let Some(ann) = Keys::with(ANN, "open sesame") else {
        return;
    };
    let to_encrypt = "--trust-model always --armor --encrypt --recipient ann@here.test";
    let mut arguments: Vec<&str> = to_encrypt.split(' ').collect();
    let folder = tempfile::tempdir().unwrap();
    let clear = folder.path().join("clear");
    std::fs::write(&clear, "Content-Type: text/plain\r\n\r\nHello\r\n").unwrap();
    arguments.extend(["--output", "-", clear.to_str().unwrap()]);
    let armoured = String::from_utf8(ann.done(&arguments)).unwrap();
    let message = format!(
        "From: ann@here.test\r\nSubject: Sealed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/encrypted; \
         protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n\
         Version: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n{armoured}\r\n--b--\r\n"
    );
    let why = Scene::reading(ann.gpg()).refused(message.as_bytes());
    assert!(
        why.starts_with("Not decrypted: the secret key is locked: unlock it with gpg-agent first"),
        "{why}"
    );
}

#[test]
fn without_gpg_one_sentence_says_what_to_install() {
    let Some(ann) = Keys::of(ANN) else {
        return;
    };
    let message = letter(&ann, "Hello", None);
    let why = Scene::reading(Gpg::at("/nowhere/gpg", None)).refused(message.as_bytes());
    assert!(
        why.contains("gpg is not installed") && why.contains("install GnuPG"),
        "{why}"
    );
}
