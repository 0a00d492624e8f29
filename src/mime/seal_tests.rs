//! What is cut out to be checked, and what may stand beside it.

use super::*;

fn signed(before: &str, content: &str, after: &str) -> String {
    format!(
        "From: a@b\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n{before}\
         Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=in\r\n\r\n\
         preamble\r\n--in\r\n{content}\r\n--in\r\nContent-Type: application/pgp-signature\r\n\r\nSIG\r\n\
         --in--\r\n\r\n--out\r\nContent-Type: text/plain\r\n\r\n{after}\r\n--out--\r\n"
    )
}

fn text(reading: &Reading) -> Vec<String> {
    let words = |line: &Line| {
        let text: String = line.spans.iter().map(|s| s.text.as_str()).collect();
        match line.kind {
            LineKind::Frame => format!("[{text}]"),
            _ => text,
        }
    };
    let lines = reading.body.iter().map(words);
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn what_was_signed_is_cut_out_to_the_letter() {
    let content = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello  \r\n--x--\r\nepilogue\r\n";
    let raw = signed("", content, "footer");
    let found = seal(raw.as_bytes()).unwrap();
    assert_eq!(
        (found.kind, found.at.to_string()),
        (SealKind::PgpSigned, "1".to_owned())
    );
    assert_eq!(String::from_utf8(found.content).unwrap(), content);
    assert_eq!(found.signature, b"SIG");
    let bare = raw.replace("\r\n", "\n");
    let found = seal(bare.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(found.content).unwrap(), content);
}

#[test]
fn what_was_not_signed_stands_in_a_frame_of_its_own() {
    let raw = signed("", "Content-Type: text/plain\r\n\r\nPay Ann.", "Pay Eve.");
    let found = seal(raw.as_bytes()).unwrap();
    let opened = Opened {
        at: found.at.clone(),
        entity: Some(found.entity(found.content.clone())),
        lines: vec![CardLine::new(crate::model::Tone::Good, "Good signature")],
        ..Opened::default()
    };
    let shown = opened_reading(raw.as_bytes(), &opened, 80, Form::Auto, &Viewer::default());
    assert_eq!(
        text(&shown),
        [
            "[Signed]",
            "Pay Ann.",
            "[Not signed: anybody may have put this there]",
            "Pay Eve."
        ]
    );
    assert_eq!(shown.headers[0].1.as_str(), "a@b");
    let seal = shown
        .cards
        .iter()
        .find(|c| c.kind == CardKind::Seal)
        .unwrap();
    assert_eq!(seal.lines[0].text.as_str(), "Good signature");
}

#[test]
fn what_was_decrypted_never_shares_a_page_with_what_was_not() {
    let raw = "From: a@b\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/html\r\n\r\n\
        <img src=\"https://evil.example/\r\n--o\r\nContent-Type: multipart/encrypted; boundary=i\r\n\r\n--i\r\n\
        Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--i\r\nContent-Type: application/octet-stream\r\n\r\n\
        ARMOUR\r\n--i--\r\n--o\r\nContent-Type: text/html\r\n\r\n\">\r\n--o--\r\n";
    let found = seal(raw.as_bytes()).unwrap();
    assert_eq!(
        (found.kind, found.content.as_slice()),
        (SealKind::PgpEncrypted, &b"ARMOUR"[..])
    );
    let entity = "Content-Type: multipart/mixed; boundary=e\r\n\r\n--e\r\nContent-Type: text/html\r\n\r\n\
        <p>The secret <img src=\"https://evil.example/x.png\"></p>\r\n--e\r\nContent-Type: application/pdf\r\n\
        Content-Disposition: attachment; filename=a.pdf\r\n\r\nPDF\r\n--e--\r\n";
    let opened = Opened {
        at: found.at,
        entity: Some(entity.into()),
        is_decrypted: true,
        ..Opened::default()
    };
    let shown = opened_reading(raw.as_bytes(), &opened, 80, Form::Auto, &Viewer::default());
    let lines = text(&shown);
    let at = |words: &str| {
        lines
            .iter()
            .position(|l| l.contains(words))
            .unwrap_or_else(|| panic!("{lines:?}"))
    };
    assert_eq!(at("[Decrypted]"), 0);
    assert!(at("The secret") < at("[Not encrypted"), "{lines:?}");
    assert!(
        shown
            .links
            .iter()
            .chain(&shown.links)
            .all(|l| !l.target.contains("secret"))
    );
    let is_remote = |p: &crate::model::Picture| matches!(&p.source, PictureSource::Remote(url) if url.ends_with("x.png"));
    assert!(
        !shown.pictures.iter().any(is_remote),
        "{:?}",
        shown.pictures
    );
    // The file lies in what was decrypted, and its address says so.
    let [file] = shown.attachments.as_slice() else {
        panic!("{:?}", shown.attachments)
    };
    let inner = opened_part(&file.part).unwrap();
    assert_eq!(
        super::super::part_body(entity.as_bytes(), &inner).unwrap(),
        b"PDF"
    );
    assert_eq!(opened_part(&PartId(vec![1, 2])), None);
}

#[test]
fn what_the_sender_hides_is_told_and_shown_in_both_frames() {
    let page = |words: &str| {
        format!(
            "Content-Type: text/html\r\n\r\n<p>{words}</p><p style=display:none>hidden {words}</p><p>end</p>\
             <img src=https://x.example/p.gif width=1 height=1>"
        )
    };
    let raw = signed("", &page("inside"), "x")
        .replace("Content-Type: text/plain\r\n\r\nx", &page("outside"));
    let found = seal(raw.as_bytes()).unwrap();
    let opened = Opened {
        at: found.at.clone(),
        entity: Some(found.entity(found.content.clone())),
        ..Opened::default()
    };
    let mut shown = opened_reading(raw.as_bytes(), &opened, 80, Form::Auto, &Viewer::default());
    assert_eq!((shown.hidden_texts, shown.trackers), (2, 2));
    shown.show_hidden(true);
    assert_eq!(
        text(&shown),
        [
            "[Signed]",
            "inside",
            "Hidden by the sender: hidden inside",
            "end",
            "[Not signed: anybody may have put this there]",
            "outside",
            "Hidden by the sender: hidden outside",
            "end"
        ]
    );
}

#[test]
fn armour_in_a_text_is_found_and_what_stands_around_it_kept_apart() {
    let raw = format!(
        "From: a@b\r\n\r\nTrust me:\r\n{BEGIN_SIGNED}\r\nHash: SHA256\r\n\r\nI owe you.\r\n\
         -----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n{END_SIGNED}\r\nand a pony\r\n"
    );
    let found = seal(raw.as_bytes()).unwrap();
    assert_eq!(found.kind, SealKind::PgpSignedText);
    assert_eq!(found.outside, "Trust me:\n\nand a pony");
    assert!(found.content.starts_with(BEGIN_SIGNED.as_bytes()));
    let quoted =
        "From: a@b\r\n\r\n> -----BEGIN PGP MESSAGE-----\r\n> x\r\n> -----END PGP MESSAGE-----\r\n";
    assert_eq!(seal(quoted.as_bytes()), None);
    let unended = format!("From: a@b\r\n\r\n{BEGIN_MESSAGE}\r\nx\r\n");
    assert_eq!(seal(unended.as_bytes()), None);
}

#[test]
fn each_kind_of_seal_is_told_by_its_parts() {
    let kind = |content: &str| {
        let raw =
            format!("Content-Type: {content}\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n");
        seal(raw.as_bytes()).map(|s| s.kind)
    };
    for (content, wanted) in [
        (
            "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
            Some(SealKind::SmimeEncrypted),
        ),
        (
            "application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m",
            Some(SealKind::SmimeOpaque),
        ),
        (
            "application/pkcs7-mime; name=smime.p7s",
            Some(SealKind::SmimeOpaque),
        ),
        (
            "application/pkcs7-mime; smime-type=certs-only; name=smime.p7c",
            None,
        ),
        ("application/pkcs7-mime; smime-type=compressed-data", None),
        ("multipart/signed; boundary=x", None),
        ("application/octet-stream", None),
    ] {
        assert_eq!(kind(content), wanted, "{content}");
    }
}

#[test]
fn s_mime_is_what_its_bytes_say_and_not_what_its_header_says() {
    let kind = |smime_type: &str, base64: &str| {
        let raw = format!(
            "Content-Type: application/pkcs7-mime{smime_type}; name=smime.p7m\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{base64}\r\n"
        );
        seal(raw.as_bytes()).unwrap().kind
    };
    // The first bytes of signed, enveloped and authenticated enveloped data.
    for (base64, wanted) in [
        ("MIII5QYJKoZIhvcNAQcCoIII1jCC", SealKind::SmimeOpaque),
        ("MIIBzgYJKoZIhvcNAQcDoIIBvzCC", SealKind::SmimeEncrypted),
        ("MIIBzgYLKoZIhvcNAQkQARegggG9", SealKind::SmimeEncrypted),
        ("MIAGCSqGSIb3DQEHAqCAMIACAQEx", SealKind::SmimeOpaque),
    ] {
        for smime_type in [
            "",
            "; smime-type=enveloped-data",
            "; smime-type=signed-data",
        ] {
            assert_eq!(kind(smime_type, base64), wanted, "{smime_type} {base64}");
        }
    }
}

#[test]
fn only_what_is_all_of_a_message_is_opened_in_one_go_with_what_is_around_it() {
    let is_whole = |raw: &str| seal(raw.as_bytes()).unwrap().is_whole;
    let content = "Content-Type: text/plain\r\n\r\nx";
    assert!(!is_whole(&signed("", content, "footer")));
    assert!(is_whole(
        "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nx"
    ));
    let armoured = format!("{BEGIN_MESSAGE}\r\nx\r\n{END_MESSAGE}\r\n");
    assert!(is_whole(&format!("From: a@b\r\n\r\n{armoured}")));
    assert!(!is_whole(&format!("From: a@b\r\n\r\nwords\r\n{armoured}")));
}
