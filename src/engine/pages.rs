//! Makes the page of a message for the browser, with the pictures that came with it.
//!
//! Called by `dispatch`, one task a request. Pictures that are not here are fetched as parts of the
//! message; nothing else is ever asked for.

use super::texts::{Held, Texts, Why, make};
use crate::bus::{Event, Problem, RequestId};
use crate::mime::{self, Page};
use crate::model::{PartId, Placed, Safe};

impl Texts {
    /// Serves [`crate::bus::Command::MakePage`].
    pub(crate) async fn page(self, request: RequestId, placed: Placed, inside: PartId) {
        let event = match self.try_page(request, placed, &inside).await {
            Ok(page) => Event::Page {
                request,
                page: page.html,
                left_out: page.left_out,
            },
            Err(why) => Event::Failed {
                request,
                problem: Problem {
                    account: self.account.as_ref().map(|a| a.key),
                    summary: Safe::line(&format!("not opened in the browser: {why}")),
                    hint: Safe::default(),
                },
            },
        };
        let _gone = self.events.send(event).await;
    }

    async fn try_page(
        &self,
        request: RequestId,
        placed: Placed,
        inside: &PartId,
    ) -> Result<Page, Why> {
        let no_page = || Why::File("it has no page that could be cleaned".to_owned());
        if !inside.0.is_empty() {
            let part = self.part(request, placed, inside).await?;
            let page = make(move || mime::page_inside(&part)).await?;
            return page.ok_or_else(no_page);
        }
        if let Some(opened) = self.opened.get(placed.message)
            && opened.entity.is_some()
        {
            // Never together with what stood outside of it.
            return make(move || opened.page()).await?.ok_or_else(no_page);
        }
        let held = self.text(placed).await?;
        let pictures = self.pictures(request, placed, &held).await?;
        let made = tokio::task::spawn_blocking(move || mime::page(held.source(), &pictures)).await;
        made.ok().flatten().ok_or_else(no_page)
    }

    /// The pictures that the page shows and that have to be fetched. One that cannot be had leaves a gap in it, and no more.
    async fn pictures(
        &self,
        request: RequestId,
        placed: Placed,
        held: &Held,
    ) -> Result<Vec<(PartId, Vec<u8>)>, Why> {
        let Held::Parts { structure, .. } = held else {
            return Ok(Vec::new());
        };
        let mut out = Vec::new();
        for id in mime::page_pictures(held.source()) {
            let part = structure.part(&id);
            if part.is_some_and(|p| p.size_bytes <= 2 * mime::PICTURE_MAX as u64)
                && let Ok(part) = self.part(request, placed, &id).await
            {
                out.push((id, part.bytes));
            }
        }
        Ok(out)
    }
}
