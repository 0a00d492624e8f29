//! Looking up addresses in a real directory, through the configuration as a user writes it.
//!
//! What was typed must find people and nothing else, and no question goes out less safe than asked for.

use crate::support::slapd::{BASE, READER, READERS, Slapd};
use crate::support::{closed_port, repository};
use pillarbox::config;
use pillarbox::engine::directory_of;
use pillarbox::model::Secret;
use pillarbox::net::{Class, Error};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

fn configured(url: &str, more: &str) -> config::Ldap {
    let text = format!("[directory.ldap]\nurl = \"{url}\"\nbase = \"{BASE}\"\n{more}\n");
    let loaded = config::parse(&text, &repository("config.toml")).unwrap();
    loaded.config.directory.ldap.unwrap()
}

fn ask(ldap: &config::Ldap, password: Option<&str>, typed: &str) -> Result<Vec<String>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let password = password.map(|p| Secret::new(p.to_owned()));
    let directory = directory_of(ldap, password);
    let found = runtime.block_on(directory.find(typed, LIMIT))?;
    let mut found: Vec<String> = found.iter().map(ToString::to_string).collect();
    found.sort();
    Ok(found)
}

#[test]
fn people_are_found_over_each_kind_of_connection_signed_in_or_not() {
    let Some(slapd) = Slapd::shared() else { return };
    let ca = format!("ca_file = \"{}\"", slapd.ca_file.display());
    let (ldap, ldaps) = (slapd.ldap, slapd.ldaps);
    let ann = [
        "Ann E. Example <ann@example.org>",
        "Ann E. Example <annie@example.net>",
    ];
    for (url, more) in [
        (format!("ldap://127.0.0.1:{ldap}"), "tls = \"none\""),
        (format!("ldap://localhost:{ldap}/"), &ca),
        (format!("ldaps://localhost:{ldaps}"), &ca),
    ] {
        let anonymous = configured(&url, more);
        assert_eq!(ask(&anonymous, None, "ann").unwrap(), ann, "{url}");
        let named = format!("{more}\nbind_dn = \"{READER}\"\npassword = \"{READERS}\"");
        let named = configured(&url, &named);
        let password = named.secret().unwrap().unwrap();
        assert_eq!(
            ask(&named, Some(password.reveal()), "exam").unwrap(),
            ann,
            "{url}"
        );
        let error = ask(&named, Some("wrong"), "ann").unwrap_err();
        assert_eq!(error.class, Class::Auth);
        assert!(
            !error.summary.contains("wrong") && error.hint.contains("bind_dn"),
            "{error}"
        );
    }
}

#[test]
fn what_was_typed_is_text_whatever_it_means_in_a_filter() {
    let Some(slapd) = Slapd::shared() else { return };
    let ldap = configured(
        &format!("ldap://127.0.0.1:{}", slapd.ldap),
        "tls = \"none\"",
    );
    let find = |typed: &str| ask(&ldap, None, typed).unwrap();
    assert_eq!(find("Bob (Sales)*"), ["Bob (Sales)* <bob@example.org>"]);
    for typed in ["*", "*)(mail=*", "x)(|(mail=*))", "\\2a", "zzz"] {
        assert!(find(typed).is_empty(), "{typed:?}");
    }
    assert!(
        find("annab").is_empty(),
        "who has no address is nobody to write to"
    );
}

#[test]
fn a_certificate_that_is_not_trusted_ends_it_before_anything_is_said() {
    let Some(slapd) = Slapd::shared() else { return };
    for url in [
        format!("ldaps://localhost:{}", slapd.ldaps),
        format!("ldap://localhost:{}", slapd.ldap),
    ] {
        let error = ask(&configured(&url, ""), None, "ann").unwrap_err();
        assert_eq!(error.class, Class::Tls, "{error}");
    }
}

#[test]
fn a_wrong_base_and_a_server_that_is_not_there_are_told_apart() {
    let Some(slapd) = Slapd::shared() else { return };
    let mut ldap = configured(
        &format!("ldap://127.0.0.1:{}", slapd.ldap),
        "tls = \"none\"",
    );
    ldap.base = "dc=other,dc=org".to_owned();
    assert!(ask(&ldap, None, "ann").unwrap_err().hint.contains("base"));
    let ldap = configured(
        &format!("ldap://127.0.0.1:{}", closed_port()),
        "tls = \"none\"",
    );
    assert_eq!(ask(&ldap, None, "ann").unwrap_err().class, Class::Transient);
}
