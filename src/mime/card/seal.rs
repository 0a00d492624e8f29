//! That a message is signed or encrypted, before anybody looked into it.
//!
//! Called by `cards`. Must never say more than that: a signature that was not checked proves nothing.

use super::super::render::Message;
use super::super::seal::{SealKind, find};
use crate::model::{Card, CardKind, CardLine, Tone};

/// The card of what is signed or encrypted.
pub(super) fn card(message: &Message<'_>) -> Option<Card> {
    let (kind, _) = find(message)?;
    let text = match kind {
        SealKind::PgpSigned => "Signed with OpenPGP, not checked",
        SealKind::PgpSignedText => "A text in it is signed with OpenPGP, not checked",
        SealKind::SmimeSigned | SealKind::SmimeOpaque => "Signed with S/MIME, not checked",
        SealKind::PgpEncrypted => "Encrypted with OpenPGP; to decrypt it:",
        SealKind::PgpEncryptedText => "A text in it is encrypted with OpenPGP; to decrypt it:",
        SealKind::SmimeEncrypted => "Encrypted with S/MIME; to decrypt it:",
    };
    let text = if kind.is_encrypted() {
        text.to_owned()
    } else {
        format!("{text}; to check it:")
    };
    Some(Card {
        kind: CardKind::Seal,
        lines: vec![CardLine::new(Tone::Plain, &text).with("check-seal")],
    })
}
