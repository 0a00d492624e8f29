//! Who is proposed for what was typed, and in which order.

use super::*;

fn person(name: &str, address: &str, heat: f64) -> Person {
    Person {
        heat: Heat(heat),
        received: 1,
        ..Person::new(Address {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }
}

fn some() -> People {
    People::new(vec![
        person("Ann Example", "ann@example.org", 10.0),
        person("François Müller", "f.mueller@firma.example", 9.0),
        person("Łukasz Ørsted", "luk@example.net", 8.0),
        person("Conan O'Brien", "coco@example.com", 7.0),
        person("", "hannah.smith+lists@post.example", 6.0),
        person("Bücherei", "info@bücher.example", 5.0),
        person("山田 太郎", "taro@example.jp", 4.0),
    ])
}

fn found(people: &People, typed: &str) -> Vec<String> {
    let found = people.find(typed, None, 10);
    found.iter().map(|p| p.address.address.clone()).collect()
}

#[test]
fn each_word_of_the_name_the_local_part_and_the_host_is_found_by_its_beginning() {
    let people = some();
    for (typed, address) in [
        ("ann", "ann@example.org"),
        ("EXAM", "ann@example.org"),
        ("ann exa", "ann@example.org"),
        ("exa ann", "ann@example.org"),
        ("ann@exa", "ann@example.org"),
        ("Ann Example <ann@", "ann@example.org"),
        ("\"Ann", "ann@example.org"),
        ("francois", "f.mueller@firma.example"),
        ("FRANÇ", "f.mueller@firma.example"),
        ("muller", "f.mueller@firma.example"),
        ("mu\u{308}ll", "f.mueller@firma.example"),
        ("mueller", "f.mueller@firma.example"),
        ("firma", "f.mueller@firma.example"),
        ("lukasz orsted", "luk@example.net"),
        ("ørs", "luk@example.net"),
        ("o'br", "coco@example.com"),
        ("brien", "coco@example.com"),
        ("smith", "hannah.smith+lists@post.example"),
        ("hannah.sm", "hannah.smith+lists@post.example"),
        ("bücher", "info@bücher.example"),
        ("bucher", "info@bücher.example"),
        ("xn--bcher", "info@bücher.example"),
        ("太郎", "taro@example.jp"),
    ] {
        assert_eq!(
            found(&people, typed).first().map(String::as_str),
            Some(address),
            "{typed}"
        );
    }
    for typed in ["nn", "xample", "ann hannah", "zzz", "ann@other"] {
        assert!(found(&people, typed).is_empty(), "{typed}");
    }
}

#[test]
fn who_fits_by_the_host_alone_comes_after_who_fits_by_name() {
    let people = People::new(vec![
        person("Bob", "bob@example.org", 20.0),
        person("Ann Example", "ann@other.test", 1.0),
    ]);
    assert_eq!(
        found(&people, "exam"),
        ["ann@other.test", "bob@example.org"]
    );
}

#[test]
fn the_best_come_first_and_the_account_at_hand_tips_the_scales() {
    let mut known = person("Ann B", "b@example.org", 9.5);
    known.accounts = vec![AccountKey(2)];
    let people = People::new(vec![
        person("Ann C", "c@example.org", 8.0),
        known,
        person("Ann A", "a@example.org", 10.0),
    ]);
    assert_eq!(
        found(&people, "ann"),
        ["a@example.org", "b@example.org", "c@example.org"]
    );
    assert_eq!(found(&people, ""), found(&people, "ann"));
    let here = people.find("ann", Some(AccountKey(2)), 2);
    let here: Vec<&str> = here.iter().map(|p| p.address.address.as_str()).collect();
    assert_eq!(here, ["b@example.org", "a@example.org"]);
}

#[test]
fn addresses_that_nobody_reads_come_last_unless_they_were_written_to() {
    let written = Person {
        sent: 1,
        ..person("Ann", "ann-request@lists.example", 3.0)
    };
    let people = People::new(vec![
        person("Ann", "no-reply@shop.example", 30.0),
        written,
        person("Ann", "ann@example.org", 1.0),
    ]);
    assert_eq!(
        found(&people, "ann"),
        [
            "ann-request@lists.example",
            "ann@example.org",
            "no-reply@shop.example"
        ]
    );
}

#[test]
fn nothing_that_can_be_typed_is_too_much() {
    let people = some();
    let long = "a ".repeat(100_000);
    for typed in [long.as_str(), "\0\n\r", "\n", "@", "\u{301}", "((((", "%s"] {
        drop(people.find(typed, None, 10));
    }
    assert!(found(&People::default(), "ann").is_empty());
}
