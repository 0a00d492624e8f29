//! The pictures of a page: which are named in the text, which are decoration, which only watch.
//!
//! Called by `flow`. No picture is ever fetched here; what is remote is counted one way or the other,
//! so that nobody has to wonder what was left out.

use super::facts::Fact;
use super::tree::{Id, Tree};
use crate::model::Picture;

/// A picture that says nothing of itself has a place if it is at least so large.
const LARGE_PX: (u32, u32) = (300, 150);
/// A picture up to this size is a sign beside words.
const ICON_PX: u32 = 64;
/// A picture of at most so many pixels a side is there to be counted, not to be seen.
const TRACKER_PX: u32 = 3;

/// A picture as the page has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mime) struct Image {
    pub(in crate::mime) source: String,
    pub(in crate::mime) alt: String,
    pub(in crate::mime) width_px: Option<u32>,
    pub(in crate::mime) height_px: Option<u32>,
}

impl Image {
    /// Reads what an `img` says.
    pub(super) fn of(tree: &Tree, id: Id, fact: &Fact) -> Self {
        let attr = |name: &str| tree.attr(id, name).map(str::trim);
        let alt = attr("alt").filter(|alt| says_something(alt));
        let alt = alt.or_else(|| attr("title").filter(|title| says_something(title)));
        Self {
            source: attr("src").unwrap_or_default().to_owned(),
            alt: alt.unwrap_or_default().to_owned(),
            width_px: fact.look.width_px,
            height_px: fact.look.height_px,
        }
    }

    pub(super) fn is_remote(&self) -> bool {
        let starts = |prefix: &str| {
            let head = self.source.get(..prefix.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        };
        ["http:", "https:", "//", "ftp:"].into_iter().any(starts)
    }

    fn sides(&self) -> impl Iterator<Item = u32> {
        self.width_px.into_iter().chain(self.height_px)
    }

    /// Whether it only tells the sender that the message was opened.
    pub(super) fn is_tracker(&self) -> bool {
        let is_tiny = self.sides().count() == 2 && self.sides().all(|px| px <= TRACKER_PX);
        let is_small = self.sides().all(|px| px < Picture::WORTH_PX);
        self.is_remote() && (is_tiny || (is_small && self.alt.is_empty() && self.is_named_one()))
    }

    /// Whether its address is of the kind that such pictures have.
    fn is_named_one(&self) -> bool {
        let path = self.source.split_once("//").map_or("", |(_, rest)| rest);
        let (_, path) = path.split_once('/').unwrap_or_default();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut segments = path.trim_end_matches('/').rsplit('/');
        let is_short = segments.clone().next().is_some_and(|last| last.len() < 8);
        segments.by_ref().take(3).any(|segment| {
            let segment = segment.to_ascii_lowercase();
            let word = segment.split('.').next().unwrap_or_default();
            matches!(
                word,
                "open" | "opens" | "pixel" | "track" | "tracking" | "beacon" | "imp"
            ) || (is_short && matches!(word, "o" | "wf" | "p" | "t"))
        })
    }

    /// Whether it is a spacer or a line, of one pixel or a few.
    pub(super) fn is_spacer(&self) -> bool {
        self.source.is_empty() || self.sides().any(|px| px <= TRACKER_PX)
    }

    /// Whether it is known to be no larger than a letter or two.
    pub(super) fn is_small(&self) -> bool {
        self.sides().any(|px| px < Picture::WORTH_PX)
    }

    /// Whether it is too large to stand beside words, as far as is known.
    pub(super) fn is_large(&self) -> bool {
        self.sides().all(|px| px > ICON_PX)
    }

    /// Whether it has a place though nothing is said of it: one that came with the message, or one
    /// too large for a decoration.
    pub(super) fn has_place_unsaid(&self, is_decoration: bool) -> bool {
        let is_large = self.width_px.is_some_and(|px| px >= LARGE_PX.0)
            && self.height_px.is_some_and(|px| px >= LARGE_PX.1);
        is_large || (!self.is_remote() && !is_decoration && self.is_large())
    }

    /// Whether the words are one sign that stands for itself.
    pub(super) fn is_sign(&self) -> bool {
        let mut chars = self.alt.chars();
        chars
            .next()
            .is_some_and(|c| !c.is_alphanumeric() && !c.is_ascii())
            && self.alt.len() <= 32
    }
}

/// Whether the words of a picture tell what is on it.
fn says_something(alt: &str) -> bool {
    let lower = alt.to_lowercase();
    let is_file = lower.rsplit_once('.').is_some_and(|(name, end)| {
        !name.contains(' ') && matches!(end, "png" | "jpg" | "jpeg" | "gif" | "webp" | "svg")
    });
    let is_empty_word = matches!(
        lower.as_str(),
        "image"
            | "img"
            | "picture"
            | "photo"
            | "spacer"
            | "icon"
            | "graphic"
            | "banner"
            | "divider"
            | "line"
            | "pixel"
            | "blank"
            | "border"
            | "shadow"
            | "1x1"
            | "untitled"
            | "inline image"
            | "null"
            | "undefined"
    );
    let has_sign = lower
        .chars()
        .any(|c| !c.is_whitespace() && !super::facts::is_filler(c));
    has_sign && !is_file && !is_empty_word
}

/// Where a picture that says nothing leads, as a word: the end of the path, else the host.
pub(super) fn where_to(target: &str) -> Option<String> {
    let url = url::Url::parse(target.trim()).ok()?;
    let host = crate::mime::links::show_host(url.host_str()?);
    let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
    let word = url.path_segments()?.rfind(|s| !s.is_empty());
    let word = word.map(|w| w.split('.').next().unwrap_or(w));
    let is_word = |w: &&str| {
        let letters = w.bytes().filter(u8::is_ascii_alphabetic).count();
        w.len() <= 24 && letters >= 3 && letters * 10 >= w.len() * 8 && *w != "index"
    };
    let is_spoken = |w: &&str| {
        w.bytes()
            .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
    };
    Some(match word.filter(is_word).filter(is_spoken) {
        Some(word) => format!("{host}: {}", word.replace(['-', '_'], " ")),
        None => host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(source: &str, alt: &str, sides: Option<(u32, u32)>) -> Image {
        Image {
            source: source.to_owned(),
            alt: alt.to_owned(),
            width_px: sides.map(|s| s.0),
            height_px: sides.map(|s| s.1),
        }
    }

    #[test]
    fn pictures_that_watch_are_known_by_size_or_address() {
        for (source, sides) in [
            ("https://x.example/p.gif", Some((1, 1))),
            ("//x.example/a", Some((0, 0))),
            ("https://x.example/wf/open?upn=1", None),
            ("https://x.example/track/open.php?u=1", None),
            ("https://x.example/pixel.gif?id=3", Some((10, 10))),
        ] {
            assert!(image(source, "", sides).is_tracker(), "{source}");
        }
        for (source, alt, sides) in [
            ("cid:a@b", "", Some((1, 1))),
            ("https://x.example/open/photo.jpg", "", Some((600, 400))),
            ("https://x.example/opened.png", "", None),
            ("https://x.example/track/map.png", "Map", None),
        ] {
            assert!(!image(source, alt, sides).is_tracker(), "{source}");
        }
    }

    #[test]
    fn a_picture_without_words_is_named_by_where_it_leads() {
        let to = |target| where_to(target).unwrap();
        assert_eq!(
            to("https://www.shop.example/spring-sale?x=1"),
            "shop.example: spring sale"
        );
        assert_eq!(to("https://shop.example/CL0/x83hf/1"), "shop.example");
        assert_eq!(where_to("mailto:a@b"), None);
    }
}
