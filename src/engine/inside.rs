//! Parts of messages: cut out of what is here, else fetched; and those that are opened as messages.
//!
//! Called by `dispatch` and `texts`. A part that was fetched alone must be the same as the part that is
//! cut out of the whole message; what was opened once is kept, so that it opens again without the network.

use super::board::Want;
use super::lane::FETCH_PATIENCE;
use super::taking::cannot_stage;
use super::texts::{Texts, Why, form_of, make};
use crate::bus::{Event, Form, RequestId};
use crate::mime::{self, DecodedPart};
use crate::model::{BodyStructure, Holds, Part, PartId, Placed, Reading, Safe};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Larger parts are not kept when they were opened.
const KEPT_MAX: usize = 8 * 1024 * 1024;

impl Texts {
    /// Serves [`crate::bus::Command::OpenMessage`] where a part is opened as a message of its own.
    pub(crate) async fn open_inside(
        self,
        request: RequestId,
        placed: Placed,
        inside: PartId,
        width: u16,
        form: Form,
    ) {
        match self
            .reading_inside(request, placed, inside, width, form)
            .await
        {
            Ok(reading) => self.show(request, placed, reading, None).await,
            Err(why) => {
                let why = Safe::line(&why.to_string());
                let _gone = self.events.send(Event::Unavailable { request, why }).await;
            }
        }
    }

    async fn reading_inside(
        &self,
        request: RequestId,
        placed: Placed,
        inside: PartId,
        width: u16,
        form: Form,
    ) -> Result<Reading, Why> {
        let part = self.part(request, placed, &inside).await?;
        let form = form_of(form);
        let is_secret = self.is_decrypted(placed, &inside);
        let reading = make(move || {
            let mut reading = mime::reading_inside(&part, &inside, width, form)?;
            if is_secret {
                mime::hide_remote(&mut reading);
                reading.is_decrypted = true;
            }
            Some(reading)
        });
        let reading = reading.await?;
        reading.ok_or_else(|| Why::File("it is no message that can be read".to_owned()))
    }

    /// Whether that part lies in what was decrypted.
    fn is_decrypted(&self, placed: Placed, id: &PartId) -> bool {
        let opened = self.opened.get(placed.message);
        id.is_opened() && opened.is_some_and(|opened| opened.is_decrypted)
    }

    /// A part, decoded, wherever it lies; fetched where it is missing.
    pub(super) async fn part(
        &self,
        request: RequestId,
        placed: Placed,
        id: &PartId,
    ) -> Result<DecodedPart, Why> {
        let no_part = || Why::File("the message has no such part".to_owned());
        let message = placed.message;
        if let Some(inner) = mime::opened_part(id) {
            let gone = || Why::File("it has to be decrypted once more first".to_owned());
            let opened = self.opened.get(message).ok_or_else(gone)?;
            return make(move || opened.part(&inner)).await?.ok_or_else(no_part);
        }
        if let Some(raw) = self.db.read(move |r| r.raw(message)).await? {
            let id = id.clone();
            return make(move || mime::part(&raw, &id))
                .await?
                .ok_or_else(no_part);
        }
        let Some(structure) = self.summary(placed).await?.structure else {
            let raw = self.raw(placed).await?;
            let id = id.clone();
            return make(move || mime::part(&raw, &id))
                .await?
                .ok_or_else(no_part);
        };
        let (holder, rest) = mime::holder(&structure, id).ok_or_else(no_part)?;
        let outer = self.outer(request, placed, &structure, &holder).await?;
        let rest = rest.to_vec();
        let found = make(move || mime::part_inside(outer, &rest)).await?;
        found.ok_or_else(no_part)
    }

    /// A part that the structure names: as it was kept, else as it is fetched.
    async fn outer(
        &self,
        request: RequestId,
        placed: Placed,
        structure: &BodyStructure,
        id: &PartId,
    ) -> Result<DecodedPart, Why> {
        let part = structure.part(id).cloned().unwrap_or_default();
        if let Some(kept) = self.kept(placed, &part).await? {
            return Ok(kept);
        }
        let raw = self.fetched(request, placed, &part).await?;
        if Holds::of(&part.mime_type, &part.name).is_some() && raw.len() <= KEPT_MAX {
            let (message, own, raw) = (placed.message, id.clone(), raw.clone());
            self.db
                .write(move |w| w.put_part(message, &own, &raw))
                .await?;
        }
        make(move || mime::decode_part(&raw, part)).await
    }

    /// A part that was fetched alone before, decoded.
    pub(super) async fn kept(
        &self,
        placed: Placed,
        part: &Part,
    ) -> Result<Option<DecodedPart>, Why> {
        let (message, id) = (placed.message, part.id.clone());
        let Some(raw) = self.db.read(move |r| r.part(message, &id)).await? else {
            return Ok(None);
        };
        let part = part.clone();
        make(move || mime::decode_part(&raw, part)).await.map(Some)
    }

    /// Fetches one part into memory; a header that says how it is written goes before.
    async fn fetched(
        &self,
        request: RequestId,
        placed: Placed,
        part: &Part,
    ) -> Result<Vec<u8>, Why> {
        let head = format!(
            "Content-Type: {}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            part.mime_type, part.encoding
        );
        let mut bytes = head.into_bytes();
        self.pieces(request, placed, part, |piece| piece, &mut bytes)
            .await?;
        Ok(bytes)
    }

    /// Fetches one part in pieces, telling how far it is, and writes what `made` makes of each. None may
    /// be waited for longer than [`FETCH_PATIENCE`]; when this is dropped, no more are asked for.
    pub(super) async fn pieces(
        &self,
        request: RequestId,
        placed: Placed,
        part: &Part,
        mut made: impl FnMut(Vec<u8>) -> Vec<u8> + Send,
        out: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<(), Why> {
        let late = |_| Why::NotHere("the server did not answer in time".to_owned());
        let (sink, mut pieces) = mpsc::channel::<Vec<u8>>(2);
        let total = part.size_bytes;
        let writing = async {
            let mut done = 0u64;
            while let Some(piece) = timeout(FETCH_PATIENCE, pieces.recv()).await.map_err(late)? {
                done = done.saturating_add(piece.len() as u64);
                out.write_all(&made(piece)).await.map_err(cannot_stage)?;
                let progress = Event::Progress {
                    request,
                    done,
                    total,
                };
                let _gone = self.events.send(progress).await;
            }
            Ok(())
        };
        let fetching = self.fetch(placed, Want::Part(part.id.clone(), sink));
        tokio::try_join!(fetching, writing)?;
        Ok(())
    }
}
