//! Bytes of messages to the values of the model, and back.
//!
//! Called by `net` (encoded words in envelopes), `engine` and `cli`. Nothing in here may panic, hang
//! or take more than linear time, whatever the bytes are.

mod address;
mod bounce;
mod browser;
mod card;
mod charset;
mod choose;
mod compose;
mod date;
mod elsewhere;
mod encode;
mod field;
mod files;
mod first_words;
mod flowed;
mod given;
mod headers;
mod html;
mod inner;
mod invite;
mod kinds;
mod leaf;
mod links;
mod mailto;
mod markdown;
mod names;
mod params;
mod people;
mod picture;
mod quote;
mod reflow;
mod render;
mod reply;
mod review;
mod seal;
mod sealed;
mod searched;
mod subject;
mod summary;
mod text;
mod tnef;
mod transfer;
mod tree;
mod uu;
mod when;
mod words;
mod wrap;

#[cfg(test)]
mod compose_tests_support;
#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod reply_corpus_tests;

pub use address::parse_addresses;
pub use browser::{PICTURE_MAX, Page, page, page_inside, page_pictures};
pub use card::{Viewer, answered, cards};
pub use choose::Form;
pub use compose::{
    ComposeError, Composer, Contents, EightBit, How, NoContents, Purpose, Route, Stamp, Written,
    route,
};
pub use date::parse_date;
pub use files::{File, files, reading_inside};
pub use first_words::{are_no_words, first_words};
pub use given::{Given, GivenError, given};
pub use headers::{Headers, RawField, parse_headers, parse_ids};
pub use html::is_guarded;
pub use inner::{holder, part, part_body, part_inside};
pub use kinds::type_of_name;
pub use mailto::{Mailto, mailto};
pub use names::{file_name, safe_ending};
pub use picture::{data_url, picture};
pub use quote::{FORWARD_MARK, replace_signature, with_signature};
pub use render::{Source, reading};
pub use reply::{
    ATTRIBUTION, Answer, AnsweredInvite, Attribution, Original, Selves, answer_invite, bounce,
    edit, forward_attached, forward_inline, reply, unsubscribe,
};
pub use review::{Finding, review};
pub use seal::{
    Opened, Seal, SealKind, hide_remote, is_encrypted, opened_files, opened_part, opened_reading,
    seal,
};
pub use searched::searched_text;
pub use summary::summary;
pub use transfer::Decoder;
pub use tree::{DecodedPart, decode_part, part_text, structure};
pub use words::decode_words;

use crate::model::Envelope;

/// The envelope of a whole message, or of its header alone.
#[must_use]
pub fn envelope(raw: &[u8]) -> Envelope {
    headers::parse_until(raw, tree::message_start(raw), |_| false).envelope()
}
