//! The servers of well-known providers, by the domain of an address.
//!
//! Used by `setup`, which needs no network for them. Only what the provider itself publishes.

/// What a provider's servers are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provider {
    /// The domains of its addresses.
    domains: &'static [&'static str],
    /// Its IMAP server, TLS from the first byte.
    pub(super) imap: &'static str,
    /// Its submission server with its port: 465 is TLS, 587 STARTTLS.
    pub(super) smtp: &'static str,
    /// Whether the user name is what stands before the @.
    pub(super) is_local_part: bool,
    /// What has to be known beforehand.
    pub(super) note: &'static str,
}

const APP_PASSWORD: &str = "it wants an app password, made in the account's security settings";
const OAUTH2: &str = "it takes no passwords: give --token-command";
const SWITCHED_OFF: &str = "IMAP has to be switched on in the settings of the web mail first";

const fn provider(
    domains: &'static [&'static str],
    imap: &'static str,
    smtp: &'static str,
    note: &'static str,
) -> Provider {
    Provider {
        domains,
        imap,
        smtp,
        is_local_part: false,
        note,
    }
}

const fn by_local_part(provider: Provider) -> Provider {
    Provider {
        is_local_part: true,
        ..provider
    }
}

const PROVIDERS: &[Provider] = &[
    provider(
        &["gmail.com", "googlemail.com"],
        "imap.gmail.com:993",
        "smtp.gmail.com:465",
        APP_PASSWORD,
    ),
    provider(
        &["outlook.com", "hotmail.com", "live.com", "msn.com"],
        "outlook.office365.com:993",
        "smtp-mail.outlook.com:587",
        OAUTH2,
    ),
    provider(
        &["yahoo.com"],
        "imap.mail.yahoo.com:993",
        "smtp.mail.yahoo.com:465",
        APP_PASSWORD,
    ),
    provider(
        &["aol.com"],
        "imap.aol.com:993",
        "smtp.aol.com:465",
        APP_PASSWORD,
    ),
    by_local_part(provider(
        &["icloud.com", "me.com", "mac.com"],
        "imap.mail.me.com:993",
        "smtp.mail.me.com:587",
        APP_PASSWORD,
    )),
    provider(
        &["fastmail.com", "fastmail.fm"],
        "imap.fastmail.com:993",
        "smtp.fastmail.com:465",
        APP_PASSWORD,
    ),
    provider(
        &["gmx.net", "gmx.de", "gmx.at", "gmx.ch"],
        "imap.gmx.net:993",
        "mail.gmx.net:465",
        SWITCHED_OFF,
    ),
    by_local_part(provider(
        &["web.de"],
        "imap.web.de:993",
        "smtp.web.de:465",
        SWITCHED_OFF,
    )),
    provider(
        &["posteo.de", "posteo.net"],
        "posteo.de:993",
        "posteo.de:465",
        "",
    ),
    provider(
        &["mailbox.org"],
        "imap.mailbox.org:993",
        "smtp.mailbox.org:465",
        "",
    ),
    provider(
        &["zoho.com"],
        "imap.zoho.com:993",
        "smtp.zoho.com:465",
        APP_PASSWORD,
    ),
    provider(
        &["mail.ru"],
        "imap.mail.ru:993",
        "smtp.mail.ru:465",
        APP_PASSWORD,
    ),
    provider(
        &["yandex.com", "yandex.ru"],
        "imap.yandex.com:993",
        "smtp.yandex.com:465",
        APP_PASSWORD,
    ),
    provider(
        &["t-online.de"],
        "secureimap.t-online.de:993",
        "securesmtp.t-online.de:465",
        APP_PASSWORD,
    ),
    provider(
        &["orange.fr"],
        "imap.orange.fr:993",
        "smtp.orange.fr:465",
        "",
    ),
    by_local_part(provider(
        &["free.fr"],
        "imap.free.fr:993",
        "smtp.free.fr:465",
        "",
    )),
];

/// The provider of an address, where it is one of these.
pub(super) fn of(address: &str) -> Option<&'static Provider> {
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.to_ascii_lowercase();
    PROVIDERS
        .iter()
        .find(|p| p.domains.contains(&domain.as_str()))
}
