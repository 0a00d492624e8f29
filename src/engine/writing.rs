//! Serves what concerns messages that are written and sent.
//!
//! Part of `dispatch`. A change must be on disk before the front is told of it.

use super::dispatch::Dispatch;
use crate::bus::WritingCommand;

impl Dispatch {
    pub(super) async fn serve_writing(&self, command: WritingCommand) {
        match command {
            WritingCommand::LoadOutbox { request } => self.load_outbox(request).await,
            WritingCommand::Retry { request, item } => self.retry_item(request, item).await,
            WritingCommand::Cancel { request, item }
            | WritingCommand::TakeBack { request, item } => self.cancel_item(request, item).await,
            WritingCommand::WasSent { request, item } => self.was_sent(request, item).await,
            _ => {}
        }
    }
}
