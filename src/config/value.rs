//! The kinds of values a key can have: times, sizes, choices, and how they are read and written.
//!
//! Used by the structs in `mod.rs` only. A value must never be written in a form that is not read
//! back as the same value.

use crate::model::{Secret, SyncMode};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The keys of an action: one, or several; none takes its keys away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Chords(pub Vec<String>);

/// A length of time, written as "90s", "5m", "2h", "14d" or "3w".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

const UNITS: [(&str, u64); 5] = [
    ("w", 604_800),
    ("d", 86_400),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

impl Period {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The time itself.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is not a length of time; write it as \"5s\", \"5m\", \"2h\" or \"14d\""
            )
        };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text.strip_prefix(digits).unwrap_or_default().trim();
        let factor = UNITS.iter().find(|(u, _)| *u == unit).ok_or_else(bad)?.1;
        let count: u64 = digits.trim().parse().map_err(|_| bad())?;
        let secs = count.checked_mul(factor).filter(|s| *s <= 3_153_600_000);
        secs.map(Self::from_secs)
            .ok_or_else(|| format!("{text:?} is more than a hundred years"))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let whole = UNITS
            .iter()
            .find(|(u, n)| secs != 0 && secs.is_multiple_of(*n) && *u != "w");
        let (unit, factor) = whole.copied().unwrap_or(("s", 1));
        write!(f, "{}{unit}", secs / factor)
    }
}

/// A size, written as "500KB", "5MB" or "1GiB".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

const SIZES: [(&str, u64); 7] = [
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Size {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a size; write it as \"500KB\", \"5MB\" or \"1GB\"");
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text.strip_prefix(digits).unwrap_or_default().trim();
        let factor = SIZES
            .iter()
            .find(|(u, _)| u.eq_ignore_ascii_case(unit))
            .ok_or_else(bad)?
            .1;
        let count: u64 = digits.trim().parse().map_err(|_| bad())?;
        count.checked_mul(factor).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES
            .iter()
            .find(|(_, n)| self.0 != 0 && self.0.is_multiple_of(*n));
        let (unit, factor) = whole.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// What is kept for reading offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Every message.
    #[default]
    All,
    /// What arrived so recently.
    Recent(Period),
    /// Headers only.
    Headers,
}

impl FromStr for Keep {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "headers" => Ok(Self::Headers),
            time => time.parse().map(Self::Recent).map_err(|_| {
                format!("{text:?} is not understood; write \"all\", \"headers\" or a time such as \"90d\"")
            }),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Headers => f.write_str("headers"),
            Self::Recent(period) => period.fmt(f),
        }
    }
}

/// When an opened message counts as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkRead {
    /// After it was looked at so long.
    After(Period),
    /// Only when told.
    Never,
}

impl FromStr for MarkRead {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            time => time.parse().map(Self::After).map_err(|_| {
                format!("{text:?} is not understood; write \"never\" or a time such as \"2s\"")
            }),
        }
    }
}

impl fmt::Display for MarkRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::After(period) => period.fmt(f),
        }
    }
}

/// Whether fetched mail stays in a POP3 maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaveOnServer {
    /// It stays.
    #[default]
    Always,
    /// It is removed once it is safe here.
    Never,
    /// It is removed so long after it was fetched.
    For(Period),
    /// It is removed when it is deleted here.
    UntilDeleted,
}

impl LeaveOnServer {
    /// Whether it is what it is without being set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who gives out tokens for signing in with a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OAuth2 {
    /// Google.
    Google,
    /// Microsoft.
    Microsoft,
    /// Anybody else, or a client of one's own.
    Client(Box<OAuth2Client>),
}

/// An OAuth2 client of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth2Client {
    /// The client's id.
    pub client_id: String,
    /// The client's secret, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hidden")]
    pub client_secret: Option<Secret>,
    /// The tenant, for Microsoft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Where the browser is sent.
    pub auth_url: String,
    /// Where tokens are given out.
    pub token_url: String,
    /// What is asked for.
    pub scope: String,
}

/// Writes that there is a secret, and nothing of it.
pub(super) fn hidden<S: Serializer>(
    secret: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str("(hidden)"),
        None => serializer.serialize_none(),
    }
}

/// Reads a value that is written as a string.
struct Text<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text(expected, std::marker::PhantomData))
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a length of time such as \"5m\"")
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a size such as \"5MB\"")
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(
            deserializer,
            "\"all\", \"headers\" or a time such as \"90d\"",
        )
    }
}

impl<'de> Deserialize<'de> for MarkRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "\"never\" or a time such as \"2s\"")
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for MarkRead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for LeaveOnServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Always => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_bool(false),
            Self::For(period) => serializer.collect_str(period),
            Self::UntilDeleted => serializer.serialize_str("until-deleted"),
        }
    }
}

impl<'de> Deserialize<'de> for LeaveOnServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = LeaveOnServer;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, \"until-deleted\" or a time such as \"14d\"")
            }
            fn visit_bool<E: serde::de::Error>(self, stays: bool) -> Result<LeaveOnServer, E> {
                Ok(if stays {
                    LeaveOnServer::Always
                } else {
                    LeaveOnServer::Never
                })
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<LeaveOnServer, E> {
                if text == "until-deleted" {
                    return Ok(LeaveOnServer::UntilDeleted);
                }
                text.parse().map(LeaveOnServer::For).map_err(|_| {
                    E::custom(format!(
                        "{text:?} is not understood; write true, false, \"until-deleted\" or a time such as \"14d\""
                    ))
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Serialize for OAuth2 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Google => serializer.serialize_str("google"),
            Self::Microsoft => serializer.serialize_str("microsoft"),
            Self::Client(client) => client.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OAuth2 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OAuth2;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"google\", \"microsoft\" or a table with a client_id")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OAuth2, E> {
                match text {
                    "google" => Ok(OAuth2::Google),
                    "microsoft" => Ok(OAuth2::Microsoft),
                    other => Err(E::unknown_variant(other, &["google", "microsoft"])),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OAuth2, A::Error> {
                OAuth2Client::deserialize(MapAccessDeserializer::new(map))
                    .map(|client| OAuth2::Client(Box::new(client)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Chords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Chords;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key such as \"a\", or a list of keys such as [\"a\", \"gx\"]")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Chords, E> {
                Ok(Chords(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Chords, A::Error> {
                let mut all = Vec::new();
                while let Some(chord) = seq.next_element()? {
                    all.push(chord);
                }
                Ok(Chords(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Reads and writes a [`SyncMode`] by its name.
pub(super) mod sync_mode {
    use super::{Deserialize, Deserializer, Serializer, SyncMode};
    use serde::de::Error as _;

    const NAMES: &[&str] = &["push", "on-start", "manual", "interval"];

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    pub(in super::super) fn serialize<S: Serializer>(
        mode: &SyncMode,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(mode.name())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SyncMode, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = SyncMode::ALL.into_iter().find(|m| m.name() == name);
        found.ok_or_else(|| D::Error::unknown_variant(&name, NAMES))
    }
}

/// Reads and writes a table as pairs, in the order of the file.
pub(super) mod in_order {
    use super::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;
    use toml::Spanned;

    pub(in super::super) fn serialize<S: Serializer, T: Serialize>(
        pairs: &[(String, T)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, T)>, D::Error> {
        let table = BTreeMap::<Spanned<String>, T>::deserialize(deserializer)?;
        let mut pairs: Vec<_> = table.into_iter().collect();
        pairs.sort_by_key(|(name, _)| name.span().start);
        let plain = pairs
            .into_iter()
            .map(|(name, value)| (name.into_inner(), value));
        Ok(plain.collect())
    }
}

/// The words of a command, as blanks divide them: within quotes they do not, and a backslash takes
/// the next character as it is. `None`: a quote is not closed.
pub(super) fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_divided_at_blanks_outside_of_quotes() {
        for (command, expected) in [
            (
                "khard email --parsable %s",
                vec!["khard", "email", "--parsable", "%s"],
            ),
            (
                "  a  'b c' \"d \\\" e\" f\\ g '' ",
                vec!["a", "b c", "d \" e", "f g", ""],
            ),
            ("", vec![]),
        ] {
            assert_eq!(words(command).unwrap(), expected);
        }
        for command in ["a 'b", "a \"b", "a\\"] {
            assert_eq!(words(command), None, "{command}");
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for text in ["0s", "5s", "90s", "5m", "2h", "14d", "21d"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert_eq!("3w".parse::<Period>().unwrap().get().as_secs(), 3 * 604_800);
        for text in [
            "",
            "5",
            "m",
            "5 minutes",
            "-5m",
            "5mm",
            "1.5h",
            "99999999999999999999s",
            "9999999999w",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_read_as_it_is_written() {
        for (text, bytes) in [
            ("5MB", 5_000_000),
            ("500KB", 500_000),
            ("1GiB", 1 << 30),
            ("17B", 17),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, text));
        }
        for text in ["", "5", "MB", "5M", "99999999999999999999GB", "-1MB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
