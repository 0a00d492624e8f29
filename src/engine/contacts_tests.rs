//! What is read of contacts as programs write them.

use super::*;
use std::fs;

fn shown(text: &str) -> Vec<String> {
    read(text).iter().map(ToString::to_string).collect()
}

#[test]
fn contacts_of_both_versions_are_read_with_each_of_their_addresses() {
    let three = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Example;Ann;;Dr.;\r\nFN:Ann Example\r\n\
        EMAIL;TYPE=INTERNET,HOME:ann@home.example\r\n\
        item1.EMAIL;TYPE=INTERNET;TYPE=pref:ann@work.example\r\nEND:VCARD\r\n";
    assert_eq!(
        shown(three),
        [
            "Ann Example <ann@work.example>",
            "Ann Example <ann@home.example>"
        ]
    );
    let four = "BEGIN:VCARD\nVERSION:4.0\nFN:Bj\u{f6}rn \n  Borg\\, Jr.\n\
        EMAIL;PREF=2:b@b\u{fc}cher.example\nEMAIL;PREF=1;TYPE=work:mailto:bjorn@\n example.org\nEND:VCARD\n";
    assert_eq!(
        shown(four),
        [
            "Bj\u{f6}rn  Borg, Jr. <bjorn@example.org>",
            "Bj\u{f6}rn  Borg, Jr. <b@b\u{fc}cher.example>"
        ]
    );
    let nameless = "BEGIN:VCARD\nVERSION:3.0\nN:Family;Given;;;\nEMAIL:g@example.org\nEND:VCARD\n\
        BEGIN:VCARD\nVERSION:4.0\nORG:A Firm;Sales\nEMAIL:sales@example.org\nEND:VCARD\n";
    assert_eq!(
        shown(nameless),
        [
            "Given Family <g@example.org>",
            "A Firm Sales <sales@example.org>"
        ]
    );
}

#[test]
fn a_contact_cannot_bring_in_a_line_of_a_header() {
    let text = "BEGIN:VCARD\nVERSION:4.0\nFN:Eve\\nBcc: all@example.org\nEMAIL:eve@example.org\\nBcc: x@example.org\n\
        EMAIL:eve@example.net\nEMAIL:a@x.example>\\, <b@example.org\nEND:VCARD\n";
    let found = read(text);
    assert_eq!(found.len(), 1, "{found:?}");
    let Address { name, address } = &found[0];
    assert_eq!(address, "eve@example.net");
    assert!(
        !name.contains(['\n', '\r']) && !name.contains('@'),
        "{name:?}"
    );
}

#[test]
fn what_is_no_contact_is_passed_over() {
    for text in [
        "",
        "BEGIN:VCARD",
        "END:VCARD\n",
        "BEGIN:VCARD\nBEGIN:VCARD\nEMAIL:\nEND:VCARD",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n",
        "\0\u{feff}:;;=\n",
        &"BEGIN:VCARD\n".repeat(20_000),
        &format!(
            "BEGIN:VCARD\nFN;{}:x\nEND:VCARD\n",
            "A=\"b\";".repeat(20_000)
        ),
        &"x".repeat(1_000_000),
    ] {
        assert!(read(text).is_empty());
    }
}

#[test]
fn files_are_read_again_only_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let card = |name: &str, address: &str| {
        format!("BEGIN:VCARD\nVERSION:4.0\nFN:{name}\nEMAIL:{address}\nEND:VCARD\n")
    };
    fs::create_dir(folder.path().join("friends")).unwrap();
    fs::write(
        folder.path().join("friends/ann.vcf"),
        card("Ann", "ann@example.org"),
    )
    .unwrap();
    fs::write(
        folder.path().join("notes.txt"),
        card("No", "no@example.org"),
    )
    .unwrap();
    fs::write(
        folder.path().join(".hidden.vcf"),
        card("No", "no@example.org"),
    )
    .unwrap();
    let mut contacts = Contacts::new(vec![folder.path().to_owned(), "/nonexistent.vcf".into()]);
    assert_eq!(contacts.refresh().unwrap().len(), 1);
    assert!(contacts.refresh().is_none());
    let two = card("", "ANN@example.org") + &card("Bob Long Name", "bob@example.org");
    fs::write(folder.path().join("friends/bob.vcf"), two).unwrap();
    let people = contacts.refresh().unwrap();
    assert_eq!(people.len(), 2);
    assert_eq!(people.find("ann", None, 5)[0].address.name, "Ann");
    fs::remove_file(folder.path().join("friends/bob.vcf")).unwrap();
    assert_eq!(contacts.refresh().unwrap().len(), 1);
    assert_eq!(look_at_contacts(folder.path()).unwrap(), 1);
    assert!(look_at_contacts(Path::new("/nonexistent.vcf")).is_err());
}
