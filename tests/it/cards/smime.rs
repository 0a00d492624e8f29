//! Checking and decrypting S/MIME, with a real `gpgsm` and mail that `openssl` made.
//!
//! Only a chain that ends in an authority that the user trusts may be called good, and what was decrypted
//! must be nowhere on the disk.

use super::{Scene, is_told, replaced, seal_lines, text, text_holds};
use crate::support::keys::Home;
use crate::support::smime::Authority;
use pillarbox::engine::Gpg;
use pillarbox::model::{DraftStart, Tone};

const ANN: &str = "ann@here.test";
const BOB: &str = "bob@there.test";
const LETTER: &str = "Content-Type: text/plain\r\n\r\nPay Ann.\r\n";
const NO_REVOCATION: &str = "Whether the certificate was revoked was not looked up";

/// An authority that certified Ann and Bob; `None` where there is no `gpgsm`.
fn authority() -> Option<Authority> {
    let authority = Authority::new("Here CA")?;
    authority.certify(ANN, "Ann");
    authority.certify(BOB, "Bob");
    Some(authority)
}

/// A whole message from that address.
fn from(address: &str, sealed: &str) -> String {
    format!("From: <{address}>\r\nTo: {BOB}\r\nSubject: Sealed\r\n{sealed}")
}

/// Somebody who trusts that authority.
fn trusting(authority: &Authority) -> Home {
    let home = Home::new();
    authority.introduce(&home, true);
    home
}

#[test]
fn a_certificate_counts_for_its_address_and_for_what_was_signed_and_no_more() {
    let Some(authority) = authority() else {
        return;
    };
    let home = trusting(&authority);
    let mut scene = Scene::reading(home.gpg());
    for form in ["", "-nodetach"] {
        let message = from(ANN, &authority.signed(ANN, LETTER, form));
        let placed = scene.receive(message.as_bytes());
        is_told(
            &scene.open(placed),
            0,
            Tone::Plain,
            "Signed with S/MIME, not checked",
        );
        let shown = scene.check(placed);
        let good = "Good signature of Ann <ann@here.test> (certified by Here CA, ";
        is_told(&shown, 0, Tone::Good, good);
        is_told(&shown, 1, Tone::Dim, NO_REVOCATION);
        assert_eq!(text(&shown).trim(), "Pay Ann.", "{form}");
        let other = scene.checked(&replaced(&message, "From: <ann@", "From: <boss@"));
        let another = "Signed by another than the sender: by Ann <ann@here.test>";
        is_told(&other, 0, Tone::Warning, another);
    }
    let message = from(ANN, &authority.signed(ANN, LETTER, ""));
    let changed = scene.checked(&replaced(&message, "Pay Ann.", "Pay Eve."));
    is_told(
        &changed,
        0,
        Tone::Warning,
        "BAD signature: this was changed, or was not signed by Ann",
    );
    // A name is but a word that somebody wrote into a certificate.
    authority.certify("eve@here.test", "Boss <boss@here.test>");
    let eve = from(
        "boss@here.test",
        &authority.signed("eve@here.test", LETTER, ""),
    );
    let shown = scene.checked(eve.as_bytes());
    is_told(
        &shown,
        0,
        Tone::Warning,
        "Signed by another than the sender",
    );
}

#[test]
fn whoever_is_not_trusted_to_certify_makes_no_signature_good() {
    let Some(authority) = authority() else {
        return;
    };
    let message = from(ANN, &authority.signed(ANN, LETTER, "-certfile ca.pem"));
    let home = Home::new();
    let mut scene = Scene::reading(home.gpg());
    let placed = scene.receive(message.as_bytes());
    let shown = scene.check(placed);
    let fits = "The signature fits a certificate of Ann <ann@here.test>, ";
    is_told(&shown, 0, Tone::Plain, fits);
    let lines = seal_lines(&shown);
    assert!(
        lines[0]
            .1
            .ends_with("but you do not trust who issued it: Here CA"),
        "{lines:?}"
    );
    // What is told to be done is what helps.
    let print = authority.fingerprint();
    assert!(
        lines[1].1.contains(&print) && lines[1].1.contains("trustlist.txt"),
        "{lines:?}"
    );
    std::fs::write(home.path().join("trustlist.txt"), format!("{print} S\n")).unwrap();
    home.end_agent();
    is_told(&scene.check(placed), 0, Tone::Good, "Good signature of Ann");
}

#[test]
fn a_certificate_that_is_missing_is_asked_for() {
    let Some(authority) = authority() else {
        return;
    };
    let home = Home::new();
    let mut scene = Scene::reading(home.gpg());
    let bare = from(ANN, &authority.signed(ANN, LETTER, "-nocerts"));
    let shown = scene.checked(bare.as_bytes());
    is_told(
        &shown,
        0,
        Tone::Warning,
        "Signed, but the signer's certificate is neither in the message nor here",
    );
    let message = from(ANN, &authority.signed(ANN, LETTER, ""));
    let shown = scene.checked(message.as_bytes());
    is_told(
        &shown,
        0,
        Tone::Plain,
        "The signature fits a certificate of Ann",
    );
    is_told(
        &shown,
        1,
        Tone::Dim,
        "Import that (gpgsm --import FILE), and check again",
    );
    let lines = seal_lines(&shown);
    assert!(
        lines[0]
            .1
            .ends_with("the certificate of its issuer is not here: Here CA"),
        "{lines:?}"
    );
}

#[test]
fn what_is_decrypted_is_shown_in_a_frame_with_what_it_is_signed_by_and_is_nowhere_on_the_disk() {
    let Some(authority) = authority() else {
        return;
    };
    let home = trusting(&authority);
    authority.give(&home, BOB, "");
    let mut scene = Scene::reading(home.gpg());
    let secret = "The-goat-is-behind-the-chapel";
    let letter = format!("Content-Type: text/plain\r\n\r\n{secret}\r\n");
    // As Outlook makes it, and as the others do.
    for form in ["-nodetach", ""] {
        let signed = authority.signed(ANN, &letter, form);
        let message = from(ANN, &authority.encrypted(BOB, &signed));
        let placed = scene.receive(message.as_bytes());
        let shown = scene.open(placed);
        is_told(&shown, 0, Tone::Plain, "Encrypted with S/MIME");
        assert!(!text_holds(&shown, secret));
        let shown = scene.check(placed);
        is_told(&shown, 0, Tone::Good, "Decrypted");
        is_told(&shown, 1, Tone::Good, "Good signature of Ann");
        let words = text(&shown);
        assert!(
            words.starts_with("[Decrypted]") && words.contains(secret),
            "{words}"
        );
        assert!(shown.attachments.is_empty(), "{:?}", shown.attachments);
        let opened = scene.desk.compose(DraftStart::Reply(placed)).unwrap();
        assert!(!opened.draft.body.contains(secret), "{}", opened.draft.body);
    }
    let unsigned = scene.checked(from(ANN, &authority.encrypted(BOB, &letter)).as_bytes());
    is_told(
        &unsigned,
        1,
        Tone::Dim,
        "It is not signed: anybody can have encrypted it, or changed it",
    );
    // Signed around what is encrypted: so it was not the signer who had to know what is in it.
    let around = authority.signed(ANN, &authority.encrypted(BOB, &letter), "");
    let shown = scene.checked(from(ANN, &around).as_bytes());
    is_told(&shown, 0, Tone::Good, "Good signature of Ann");
    is_told(&shown, 2, Tone::Good, "Decrypted");
    assert!(text_holds(&shown, secret) && text(&shown).starts_with("[Decrypted]"));
    scene.ends_without(secret);
}

#[test]
fn what_cannot_be_decrypted_says_why_and_what_to_do() {
    let Some(authority) = authority() else {
        return;
    };
    let message = from(ANN, &authority.encrypted(BOB, LETTER));
    let home = trusting(&authority);
    let mut scene = Scene::reading(home.gpg());
    let why = scene.refused(message.as_bytes());
    let not_here =
        "Not decrypted: it was encrypted for a key that is not here; open it where that key is";
    assert!(why.starts_with(not_here), "{why}");
    authority.give(&home, BOB, "open sesame");
    let why = scene.refused(message.as_bytes());
    let locked = "Not decrypted: the secret key is locked: unlock it with gpg-agent first";
    assert!(why.starts_with(locked) && why.contains("gpgsm -d"), "{why}");
    // The last block of what is encrypted is lost.
    let own = trusting(&authority);
    authority.give(&own, BOB, "");
    let mut scene = Scene::reading(own.gpg());
    let lines: Vec<&str> = message.trim_end().lines().collect();
    let cut = lines[..lines.len() - 1].join("\r\n");
    let placed = scene.receive(format!("{cut}\r\n").as_bytes());
    let shown = scene.check(placed);
    is_told(
        &shown,
        0,
        Tone::Warning,
        "Not decrypted: it was changed or damaged on the way; ask",
    );
    assert!(!text_holds(&shown, "Pay"));
}

#[test]
fn without_gpgsm_one_sentence_says_what_to_install() {
    let Some(authority) = authority() else {
        return;
    };
    let mut scene = Scene::reading(Gpg::at("/nowhere/gpg", None));
    for sealed in [
        authority.signed(ANN, LETTER, ""),
        authority.encrypted(BOB, LETTER),
    ] {
        let why = scene.refused(from(ANN, &sealed).as_bytes());
        assert!(
            why.contains("gpgsm is not installed") && why.contains("install it for S/MIME"),
            "{why}"
        );
    }
}
