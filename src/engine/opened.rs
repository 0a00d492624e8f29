//! What was checked or decrypted in this session, in memory alone.
//!
//! Shared by `cards`, which fills it, and `texts`, which shows it. Must never be written to a disk, and
//! forgets the oldest when it grows.

use crate::mime::Opened;
use crate::model::MessageKey;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// So many messages are remembered,
const COUNT_MAX: usize = 16;
/// and so many bytes in all.
const BYTES_MAX: usize = 96 * 1024 * 1024;

type Kept = VecDeque<(MessageKey, Arc<Opened>)>;

/// What was opened, the latest last.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenedTexts(Arc<Mutex<Kept>>);

impl OpenedTexts {
    pub(crate) fn get(&self, message: MessageKey) -> Option<Arc<Opened>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(key, _)| *key == message);
        found.map(|(_, opened)| Arc::clone(opened))
    }

    pub(crate) fn put(&self, message: MessageKey, opened: Opened) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(key, _)| *key != message);
        all.push_back((message, Arc::new(opened)));
        let size = |o: &Opened| o.entity.as_ref().map_or(0, Vec::len);
        while all.len() > COUNT_MAX
            || (all.len() > 1 && all.iter().map(|(_, o)| size(o)).sum::<usize>() > BYTES_MAX)
        {
            drop(all.pop_front());
        }
    }
}
