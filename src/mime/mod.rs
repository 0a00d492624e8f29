//! Bytes of messages to the values of the model, and back.
//!
//! Called by `net` (encoded words in envelopes), `engine` and `cli`. Nothing in here may panic, hang
//! or take more than linear time, whatever the bytes are.

mod charset;
mod date;
mod words;

pub use date::parse_date;
pub use words::decode_words;
