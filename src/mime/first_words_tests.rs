//! What the first words of a message are, of texts that make them hard to tell.

use super::*;
use crate::mime::Source;

fn of_text(text: &str) -> String {
    typed("text/plain; charset=utf-8", text)
}

fn of_page(page: &str) -> String {
    typed("text/html; charset=utf-8", page)
}

fn typed(content_type: &str, text: &str) -> String {
    let raw = format!("Subject: x\r\nContent-Type: {content_type}\r\n\r\n{text}");
    first_words(Source::Whole(raw.as_bytes()))
}

fn of_mail(name: &str) -> String {
    let path = format!("{}/tests/mail/{name}", env!("CARGO_MANIFEST_DIR"));
    first_words(Source::Whole(&std::fs::read(path).unwrap()))
}

#[test]
fn quotes_attributions_and_signatures_are_no_first_words() {
    for text in [
        "On Mon, 2 Nov 2026 at 10:00, Ann Example <ann@example.org> wrote:\n\n> old\n\nSeen.",
        "On Mon, 2 Nov 2026 at 10:00, Ann Example <ann@\nexample.org> wrote:\n> old\nSeen.",
        "Am 02.11.26 um 10:00 schrieb Ann:\n> alt\n\nSeen.",
        "Le lun. 2 nov. 2026 à 10:00, Ann <ann@x> a écrit :\n> vieux\nSeen.",
        "2026年11月2日 10:00 Ann <ann@x> 写道：\n> 旧\nSeen.",
        "Ann Example wrote:\n> > older\n> old\nSeen.",
        "> only\n\nSeen.\n-- \nBo\nPhone 1",
        "-- \nBo\n\n> old\nSeen.",
        "\n\n==========\nSeen.\n----- Original Message -----\nFrom: a\nSent: b\nSubject: c\n\nold",
        "Seen.\n\nFrom: Ann\nSent: Monday\nTo: Bo\nSubject: x\n\nold",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSeen.\n-----BEGIN PGP SIGNATURE-----\nabc",
    ] {
        assert_eq!(of_text(text), "Seen.", "{text}");
    }
    for none in [
        "",
        "\n \u{a0}\u{200c}\n",
        "> a\n> b",
        "On 2 Nov 2026, Ann <ann@x> wrote:\n> a",
        "-- \nBo",
        "-----BEGIN PGP MESSAGE-----\n\nhQEMA",
    ] {
        assert_eq!(of_text(none), "", "{none}");
    }
}

#[test]
fn what_only_looks_like_an_attribution_is_read() {
    for text in [
        "Please send this to Bo:",
        "He wrote: I am late.",
        "On Monday we meet.",
        "To be clear: no.",
    ] {
        assert_eq!(of_text(&format!("{text}\n\nMore")), format!("{text} More"));
        assert_eq!(of_text(&format!("{text}\n> quoted")), text);
    }
}

#[test]
fn what_is_passed_on_is_read_where_the_sender_adds_nothing() {
    let passed_on = "---------- Forwarded message ---------\nFrom: Ann <a@x>\nDate: Mon, 2 Nov\n\
        Subject: Plan\nTo: Bo <b@x>\n\nThe plan is this.";
    assert_eq!(of_text(passed_on), "The plan is this.");
    assert_eq!(of_text(&format!("See below.\n\n{passed_on}")), "See below.");
}

#[test]
fn addresses_of_links_and_pictures_are_left_out_and_their_words_are_not() {
    for (text, words) in [
        ("Read https://x.test/a?b=c now", "Read now"),
        (
            "Unsubscribe ( https://x.test/u ) or not",
            "Unsubscribe or not",
        ),
        ("Our news<https://x.test/> today", "Our news today"),
        ("[Shop](https://x.test/) it", "Shop it"),
        ("[image: Logo of it]\n[cid:a@b]\nHi", "Hi"),
        ("<https://x.test/>\nHi (really)", "Hi (really)"),
        (
            "at 10:30 write to ann@example.org",
            "at 10:30 write to ann@example.org",
        ),
    ] {
        assert_eq!(of_text(text), words);
    }
}

#[test]
fn a_page_is_read_without_what_it_hides_and_what_sends_the_reader_away() {
    let page = "<style>p{color:red}</style><div style='display:none;max-height:0'>Lure\
        &zwnj;&nbsp;&#847;</div><p>&zwnj;&nbsp;&zwnj;&nbsp;</p><a href='https://x'>View in browser</a>\
        <table><tr><td>Gr&uuml;&szlig;e</td><td>an\n  alle</td></tr></table>";
    assert_eq!(of_page(page), "Grüße an alle");
    assert_eq!(of_page("<p>View in browser</p>"), "View in browser");
    assert_eq!(of_page("<h1>x</h1><p>News of x</p>"), "News of x");
    assert_eq!(of_page("<h1>x</h1>"), "x");
    let answer = "<div>Fine.</div><div class=gmail_quote><div class=gmail_attr>On x Bo wrote:</div>\
        <blockquote>old</blockquote></div>";
    assert_eq!(of_page(answer), "Fine.");
    let far = format!(
        "<style>{}</style><p>Far down.</p>",
        "p { color: red }\n".repeat(2000)
    );
    assert_eq!(of_page(&far), "Far down.");
}

#[test]
fn the_words_fit_one_short_line_and_nothing_in_them_acts_on_a_terminal() {
    let long = of_text(&"wörd ".repeat(10_000));
    assert!(long.chars().count() <= CHARS_MAX && long.starts_with("wörd wörd"));
    assert_eq!(of_text(&"x".repeat(100_000)).chars().count(), CHARS_MAX);
    let evil = of_text("a\x1b[31mb\u{202e}c\u{9b}d\r\ne\tf");
    assert!(
        !evil.chars().any(|c| c.is_control() || c == '\u{202e}'),
        "{evil:?}"
    );
    assert!(evil.ends_with(" e f"));
}

#[test]
fn charsets_encodings_and_cuts_do_not_spoil_them() {
    let flowed = typed(
        "text/plain; format=flowed; delsp=yes; charset=utf-8",
        "日本 \n語",
    );
    assert_eq!(flowed, "日本語");
    let qp = "Content-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=\r\n=DFe";
    assert_eq!(first_words(Source::Whole(qp.as_bytes())), "Grüße");
    // Cut in the middle of a letter, a long text is still what it says.
    let long = of_text(&"ü".repeat(20_000));
    assert!(long.chars().all(|c| c == 'ü'), "{long}");
}

#[test]
fn the_form_that_says_something_is_read_and_attached_messages_are_not() {
    let both = |plain: &str| {
        let page = format!("<p>The page.</p>{}", "<p>more</p>".repeat(300));
        typed(
            "multipart/alternative; boundary=b",
            &format!(
                "--b\r\nContent-Type: text/plain\r\n\r\n{plain}\r\n\
                 --b\r\nContent-Type: text/html\r\n\r\n{page}\r\n--b--\r\n"
            ),
        )
    };
    assert_eq!(both("The text."), "The text.");
    assert!(both("View this email in your browser").starts_with("The page. more"));
    let attached =
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nTheirs.\r\n--b--\r\n";
    assert_eq!(typed("multipart/mixed; boundary=b", attached), "");
}

#[test]
fn letters_and_newsletters_of_many_senders_begin_as_a_person_reads_them() {
    for (name, begins) in [
        ("newsletter.eml", "Hello Ann, The beds are almost empty"),
        ("gmail-reply.eml", "Yes, and I have too many beans."),
        ("outlook-reply.eml", "Hi Ann, two metres is fine."),
        (
            "apple-mail.eml",
            "Here they are. The second one is from inside:",
        ),
        (
            "thunderbird.eml",
            "Good morning, I would cut it in late winter",
        ),
        ("shop.eml", "New Indoor Outdoor Sale Light that bends"),
        ("japanese.eml", "アン様"),
        ("welcome.eml", "Welcome aboard, Ann We meet every Saturday"),
    ] {
        let words = of_mail(name);
        assert!(words.starts_with(begins), "{name}: {words}");
    }
}

#[test]
fn words_of_a_server_that_only_name_the_writer_or_quote_are_no_words() {
    for poor in [
        "",
        "  ",
        "> Shall we meet?",
        "On Sun, 1 Nov 2026, Ann <ann@x> wrote:",
        "Am 1.11.2026 schrieb Ann Example:",
    ] {
        assert!(are_no_words(poor), "{poor}");
    }
    for good in ["Hello", "On Monday: rain", "He wrote: no"] {
        assert!(!are_no_words(good), "{good}");
    }
}
