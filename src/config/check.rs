//! Holds values against what can be: addresses, hosts, ports, and keys that do not go together.
//!
//! Called by `load` after the text was understood. Must never touch files or the network: what
//! only a look at them can tell is `pillarbox doctor`'s.

use super::load::Places;
use super::value::words;
use super::{Account, Config, Error, Ldap, LdapTls, OAuth2, Protocol, Server, Tls};
use std::net::IpAddr;

/// The first thing that cannot be, in the order of the file.
pub(super) fn check(config: &Config, places: &Places) -> Option<Error> {
    let mut checker = Checker {
        places,
        errors: Vec::new(),
    };
    for (name, account) in &config.accounts {
        checker.account(name, account);
    }
    checker.directory(config);
    checker.ui(config);
    for (context, actions) in &config.keys {
        for (action, chords) in actions {
            if chords.0.iter().any(|chord| chord.trim().is_empty()) {
                let path = ["keys", context, action];
                checker.refuse(&path, "has an empty key", "write [] to take its keys away");
            }
        }
    }
    checker.errors.into_iter().min_by_key(|error| error.line)
}

struct Checker<'a> {
    places: &'a Places,
    errors: Vec<Error>,
}

impl Checker<'_> {
    fn refuse(&mut self, path: &[&str], what: &str, hint: &str) {
        self.errors.push(self.places.error(path, what, hint));
    }

    fn account(&mut self, name: &str, account: &Account) {
        let at = |key: &'static str| ["accounts", name, key];
        let is_plain = |c: char| c.is_alphanumeric() || "-_.@+ ".contains(c);
        if name.trim().is_empty() || name.chars().count() > 64 || !name.chars().all(is_plain) {
            self.refuse(
                &["accounts", name],
                "cannot be the name of an account",
                "use at most 64 letters, digits, blanks and - _ . @ +",
            );
        }
        self.address(&at("address"), &account.address);
        if account.name.chars().any(char::is_control) {
            self.refuse(&at("name"), "has a control character in it", "take it out");
        }
        match (&account.imap, &account.pop3) {
            (None, None) => self.refuse(
                &["accounts", name],
                "has no incoming server",
                "add a table [accounts.NAME.imap] or [accounts.NAME.pop3] with a host",
            ),
            (Some(_), Some(_)) => self.refuse(
                &at("pop3"),
                "cannot stand beside imap",
                "keep one of the two, or make two accounts",
            ),
            _ => {}
        }
        for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Smtp] {
            if let Some(server) = account.server(protocol) {
                self.server(name, protocol, server);
            }
        }
        let list = |key: &'static str| ["accounts", name, "sync", key];
        if account.sync.interval.get().is_zero() {
            self.refuse(
                &list("interval"),
                "cannot be zero",
                "write a time such as \"5m\"",
            );
        }
        if account.sync.watch.iter().any(|m| m.trim().is_empty()) {
            self.refuse(
                &list("watch"),
                "has an empty folder name in it",
                "take it out",
            );
        }
        for (role, folder) in account.folders.roles() {
            if folder.trim().is_empty() {
                let path = ["accounts", name, "folders", role.name()];
                self.refuse(&path, "is empty", "name the folder, or leave the key out");
            }
        }
        for identity in &account.send.identities {
            let path = ["accounts", name, "send", "identities"];
            self.address(&path, &identity.address);
            if identity.name.chars().any(char::is_control) {
                self.refuse(
                    &path,
                    "has a name with a control character in it",
                    "take it out",
                );
            }
        }
    }

    fn address(&mut self, path: &[&str], address: &str) {
        let odd = |c: char| c.is_control() || c.is_whitespace() || "<>,;\"".contains(c);
        let halves = address.rsplit_once('@').filter(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !local.contains('@')
        });
        if address.is_empty() {
            self.refuse(
                path,
                "is missing",
                "write the address, such as \"ann@example.org\"",
            );
        } else if halves.is_none() || address.contains(odd) {
            let what = format!("{address:?} is not an address");
            self.refuse(
                path,
                &what,
                "write it as \"name@example.org\", without the name of a person",
            );
        }
    }

    fn server(&mut self, name: &str, protocol: Protocol, server: &Server) {
        let at = |key: &'static str| ["accounts", name, protocol.key(), key];
        self.host(&at("host"), &server.host);
        if server.port == Some(0) {
            self.refuse(&at("port"), "cannot be 0", "leave it out for the usual one");
        }
        if server.tls == Tls::None && !server.insecure_plaintext && !is_loopback(&server.host) {
            self.refuse(
                &at("tls"),
                "cannot be \"none\" for another computer: everybody on the way could read the password",
                "write \"implicit\" or \"starttls\"; if you insist, insecure_plaintext = true",
            );
        }
        let user = server.user.as_deref();
        if user.is_some_and(|u| u.is_empty() || u.chars().any(char::is_control)) {
            self.refuse(
                &at("user"),
                "is empty or has a control character in it",
                "write the user name",
            );
        }
        self.secret(name, protocol, server);
        let only = |key, needed| (key, needed, protocol != needed && self.places.has(&at(key)));
        let misplaced = [
            only("compress", Protocol::Imap),
            only("leave_on_server", Protocol::Pop3),
            only("max_size", Protocol::Pop3),
        ];
        for (key, needed, _) in misplaced.into_iter().filter(|m| m.2) {
            let what = format!("has no meaning here: it is a key of {}", needed.key());
            self.refuse(&at(key), &what, "take it out");
        }
    }

    fn host(&mut self, path: &[&str], host: &str) {
        let is_ip = host.parse::<IpAddr>().is_ok();
        let is_plain = |c: char| c.is_alphanumeric() || ".-_".contains(c);
        if host.is_empty() {
            self.refuse(
                path,
                "is missing",
                "name the server, such as \"mail.example.org\"",
            );
        } else if host.contains("://") {
            self.refuse(
                path,
                "is a whole address",
                "write the host's name alone, without ://",
            );
        } else if !is_ip && host.contains(':') {
            self.refuse(
                path,
                "has a colon in it",
                "write the port as a key of its own: port = 993",
            );
        } else if !is_ip && (!host.chars().all(is_plain) || host.len() > 253) {
            let what = format!("{host:?} cannot be the name of a host");
            self.refuse(path, &what, "write a name such as \"mail.example.org\"");
        }
    }

    fn secret(&mut self, name: &str, protocol: Protocol, server: &Server) {
        let at = |key: &'static str| ["accounts", name, protocol.key(), key];
        let ways: Vec<&str> = [
            ("password_command", server.password_command.is_some()),
            ("password", server.password.is_some()),
            ("keyring", server.keyring),
            ("token_command", server.token_command.is_some()),
            ("oauth2", server.oauth2.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_set)| is_set.then_some(key))
        .collect();
        if let [first, second, ..] = ways.as_slice() {
            let what = format!("stands beside {first}: it is not clear which one holds");
            let path = ["accounts", name, protocol.key(), second];
            self.refuse(&path, &what, "keep one of them");
        }
        if ways.is_empty() && protocol != Protocol::Smtp {
            self.refuse(
                &["accounts", name, protocol.key()],
                "does not say how to sign in",
                "add password_command = \"…\" (see config.example.toml for the other ways)",
            );
        }
        for (key, command) in [
            ("password_command", &server.password_command),
            ("token_command", &server.token_command),
        ] {
            if command.as_deref().is_some_and(|c| c.trim().is_empty()) {
                self.refuse(
                    &at(key),
                    "is empty",
                    "write the command, or take the key out",
                );
            }
        }
        let password = server.password.as_ref().map(crate::model::Secret::reveal);
        if password.is_some_and(|p| p.is_empty() || p.contains(['\0', '\r', '\n'])) {
            self.refuse(
                &at("password"),
                "is empty or has a line break in it",
                "write one line",
            );
        }
        if let Some(OAuth2::Client(client)) = &server.oauth2 {
            let is_web =
                |url: &str| url.starts_with("https://") || url.starts_with("http://127.0.0.1");
            if client.client_id.is_empty() {
                self.refuse(&at("oauth2"), "has no client_id", "add it");
            } else if !is_web(&client.auth_url) || !is_web(&client.token_url) {
                let hint = "both must begin with https://";
                self.refuse(&at("oauth2"), "needs an auth_url and a token_url", hint);
            }
        }
    }

    fn ui(&mut self, config: &Config) {
        let ui = &config.ui;
        for (key, command) in [
            ("open_command", &ui.open_command),
            ("print_command", &ui.print_command),
            ("copy_command", &ui.copy_command),
        ] {
            let is_wrong = |c: &String| words(c).is_none_or(|words| words.is_empty());
            if command.as_ref().is_some_and(is_wrong) {
                let hint = "write the program and its arguments, such as \"xdg-open\"";
                let why = "is empty or has a quote that is not closed";
                self.refuse(&["ui", key], why, hint);
            }
        }
    }

    fn directory(&mut self, config: &Config) {
        let directory = &config.directory;
        if let Some(command) = &directory.command
            && words(command).is_none_or(|words| words.is_empty())
        {
            let hint = "write the program and its arguments, such as \"khard email --parsable %s\"";
            self.refuse(
                &["directory", "command"],
                "is empty or has a quote that is not closed",
                hint,
            );
        }
        if directory
            .vcards
            .iter()
            .any(|path| path.as_os_str().is_empty())
        {
            let path = ["directory", "vcards"];
            self.refuse(&path, "has an empty path in it", "take it out");
        }
        if let Some(ldap) = &directory.ldap {
            self.ldap(ldap);
        }
    }

    fn ldap(&mut self, ldap: &Ldap) {
        let at = |key: &'static str| ["directory", "ldap", key];
        let host = ldap.host();
        match host {
            None => self.refuse(
                &at("url"),
                "is not the address of a directory",
                "write ldaps:// or ldap:// and the host, such as \"ldaps://ldap.example.org\"",
            ),
            Some(host) => {
                let is_clear = !ldap.is_implicit() && ldap.tls == LdapTls::None;
                if is_clear && !ldap.insecure_plaintext && !is_loopback(host) {
                    self.refuse(
                        &at("tls"),
                        "cannot be \"none\" for another computer: everybody on the way could read it",
                        "write \"starttls\", or an ldaps:// url; if you insist, insecure_plaintext = true",
                    );
                }
            }
        }
        if ldap.base.trim().is_empty() {
            self.refuse(
                &at("base"),
                "is missing",
                "name the entry to look below, such as \"dc=example,dc=org\"",
            );
        }
        if !ldap.filter.contains("%s") {
            self.refuse(
                &at("filter"),
                "has no %s in it, so it finds the same whatever is typed",
                "put %s where the typed text belongs, or take the key out",
            );
        }
        let ways = [&ldap.password_command.is_some(), &ldap.password.is_some()];
        if ways.iter().all(|way| **way) {
            self.refuse(
                &at("password"),
                "stands beside password_command: it is not clear which one holds",
                "keep one of them",
            );
        }
        if ldap.bind_dn.is_some() != ways.iter().any(|way| **way) {
            self.refuse(
                &at("bind_dn"),
                "needs a password, and a password needs a bind_dn",
                "add the other one, or take both out to ask without signing in",
            );
        }
    }
}

/// Whether the host is this computer, whatever a name server says.
fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
