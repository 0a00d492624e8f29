//! Where the parts of the composer lie, for any size of terminal.
//!
//! Used by `update` (scrolling, clicks) and by `ui`, so that both agree. The part with the keys must
//! always be in sight.

use super::Composer;
use crate::app::{App, Area};
use crate::model::DraftField;

/// The columns of text that are comfortable to write.
pub(super) const TEXT_COLS_MAX: u16 = 90;
/// The rows that the text has at least, while it has the keys.
const BODY_ROWS_MIN: u16 = 4;

/// Where everything is. What is not shown has an empty area.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ComposeAreas {
    /// The lines of the head that are shown.
    pub fields: Vec<(DraftField, Area)>,
    /// The line below the head.
    pub line: Area,
    /// The text, or the review.
    pub body: Area,
    /// Everything between the title and the notice.
    pub main: Area,
}

impl App {
    /// Where the parts of the composer lie.
    #[must_use]
    pub fn compose_areas(&self) -> ComposeAreas {
        match self.composer() {
            Some(composer) => areas(self, composer),
            None => ComposeAreas::default(),
        }
    }
}

fn areas(app: &App, composer: &Composer) -> ComposeAreas {
    let panes = app.panes();
    let top = panes.title.h;
    let h = panes
        .screen
        .h
        .saturating_sub(top + panes.status.h + panes.hints.h);
    let main = Area {
        x: 0,
        y: top,
        w: panes.screen.w,
        h,
    };
    if composer.review.is_some() {
        return ComposeAreas {
            body: main,
            main,
            ..ComposeAreas::default()
        };
    }
    let fields = composer.shown_fields();
    let has_body = fields.last() == Some(&DraftField::Body);
    let heads: Vec<DraftField> = fields
        .into_iter()
        .filter(|f| *f != DraftField::Body)
        .collect();
    let wanted = u16::try_from(heads.len()).unwrap_or(u16::MAX);
    let body_min = if composer.focus == DraftField::Body {
        BODY_ROWS_MIN.min(h)
    } else {
        0
    };
    let line_h = u16::from(has_body && h > 2);
    let rows = wanted.min(h.saturating_sub(body_min + line_h));
    // Where not all fit, those around the one with the keys are shown.
    let at = heads.iter().position(|f| *f == composer.focus);
    let at = at.map_or(heads.len(), |at| at + 1);
    let skip = at.saturating_sub(usize::from(rows));
    let shown = heads.into_iter().skip(skip).take(usize::from(rows));
    let fields = (0..rows)
        .zip(shown)
        .map(|(y, field)| (field, main.row(y)))
        .collect();
    let line = Area {
        h: line_h,
        ..main.row(rows)
    };
    let used = rows + line_h;
    let body = Area {
        y: top + used,
        h: h.saturating_sub(used),
        ..main
    };
    let text = body.inset(1);
    ComposeAreas {
        fields,
        line,
        body: Area {
            w: text.w.min(TEXT_COLS_MAX),
            ..text
        },
        main,
    }
}
