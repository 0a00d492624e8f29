//! Bytes of messages to the values of the model, and back.
//!
//! Called by `net` (encoded words in envelopes), `engine` and `cli`. Nothing in here may panic, hang
//! or take more than linear time, whatever the bytes are.

mod address;
mod bounce;
mod browser;
mod charset;
mod choose;
mod compose;
mod date;
mod encode;
mod field;
mod flowed;
mod given;
mod headers;
mod html;
mod kinds;
mod leaf;
mod links;
mod mailto;
mod markdown;
mod names;
mod params;
mod people;
mod quote;
mod reflow;
mod render;
mod reply;
mod review;
mod sealed;
mod subject;
mod summary;
mod text;
mod transfer;
mod tree;
mod words;
mod wrap;

#[cfg(test)]
mod compose_tests_support;
#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod reply_corpus_tests;

pub use address::parse_addresses;
pub use browser::{PICTURE_MAX, Page, page, page_pictures};
pub use choose::Form;
pub use compose::{
    ComposeError, Composer, Contents, EightBit, How, NoContents, Purpose, Route, Stamp, Written,
    route,
};
pub use date::parse_date;
pub use given::{Given, GivenError, given};
pub use headers::{Headers, RawField, parse_headers, parse_ids};
pub use html::is_guarded;
pub use kinds::type_of_name;
pub use mailto::{Mailto, mailto};
pub use names::file_name;
pub use quote::{FORWARD_MARK, replace_signature, with_signature};
pub use render::{Source, reading};
pub use reply::{
    ATTRIBUTION, Answer, Attribution, Original, Selves, bounce, edit, forward_attached,
    forward_inline, reply,
};
pub use review::{Finding, review};
pub use summary::summary;
pub use tree::{DecodedPart, decode_part, part_body, part_text, structure};
pub use words::decode_words;

use crate::model::Envelope;

/// The envelope of a whole message, or of its header alone.
#[must_use]
pub fn envelope(raw: &[u8]) -> Envelope {
    headers::parse_until(raw, tree::message_start(raw), |_| false).envelope()
}
