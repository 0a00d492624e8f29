//! What leaves a message, asked of an engine without a screen: pictures, the page, the input of programs.
//!
//! Used by the tests of cards. It must never look into the store.

use super::desk::Desk;
use pillarbox::bus::{Command, Event, Form, Take, TakeEvent, Taken, Whither};
use pillarbox::model::{Fit, PartId, PictureSource, Placed};

impl Desk {
    /// Whether a picture can be drawn.
    pub(crate) fn has_picture(&mut self, placed: Placed, source: PictureSource) -> bool {
        let request = self.request();
        self.send(Command::LoadPicture {
            request,
            placed,
            source,
            wanted: (None, None),
            fit: Fit {
                cols: 40,
                rows: 20,
                cell_px: (8, 16),
                dots: (1, 2),
            },
            may_fetch: true,
        });
        self.until("a picture", |event| match event {
            Event::Picture {
                request: r, pixels, ..
            } if *r == request => Some(pixels.is_some()),
            _ => None,
        })
    }

    /// The page for the browser.
    pub(crate) fn page(&mut self, placed: Placed) -> Result<String, String> {
        let request = self.request();
        self.send(Command::MakePage {
            request,
            placed,
            inside: PartId::default(),
        });
        self.until("a page", |event| match event {
            Event::Page {
                request: r, page, ..
            } if *r == request => Some(Ok(page.clone())),
            Event::Failed {
                request: r,
                problem,
            } if *r == request => Some(Err(problem.summary.to_string())),
            _ => None,
        })
    }

    /// What a script prints that is given a part, or the text where there is none.
    pub(crate) fn piped(&mut self, placed: Placed, part: Option<PartId>, script: &str) -> String {
        let request = self.request();
        let what = match part {
            Some(part) => Taken::Part {
                part,
                name: "x".to_owned(),
                mime_type: "text/plain".to_owned(),
            },
            None => Taken::Text(Form::Auto),
        };
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        self.send(Command::Take(Take {
            request,
            placed,
            what,
            to: Whither::Program(argv),
        }));
        self.until("the end of the script", |event| match event {
            Event::Taken(TakeEvent::Ran {
                request: r, lines, ..
            }) if *r == request => {
                let lines: Vec<&str> = lines.iter().map(pillarbox::model::Safe::as_str).collect();
                Some(lines.join("\n"))
            }
            Event::Failed {
                request: r,
                problem,
            } if *r == request => panic!("{problem:?}"),
            _ => None,
        })
    }
}
