//! What an element says of its looks, in `style` and in the attributes of old.
//!
//! Called by `facts` once for each element. Must take linear time, and believe nothing hidden that
//! could be seen: what it cannot read, it passes over.

use super::style::{is_zero, properties};

/// Smaller letters are not meant to be read.
const LEGIBLE_PX: f32 = 2.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Center,
    Right,
    /// All lines at the right: what is read from there.
    FromRight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    Inline,
    InlineBlock,
    Block,
}

pub(super) type Colour = [u8; 3];

/// What was said; `None` where nothing was.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Look {
    /// Hidden, whatever it holds.
    pub(super) is_hidden: bool,
    /// In letters of no size, as long as nothing inside gives them one.
    pub(super) has_no_size: bool,
    /// Shown, whatever a style sheet says.
    pub(super) display: Option<Display>,
    pub(super) font_px: Option<f32>,
    pub(super) is_bold: Option<bool>,
    pub(super) is_italic: Option<bool>,
    pub(super) is_underlined: Option<bool>,
    pub(super) is_struck: Option<bool>,
    pub(super) align: Option<Align>,
    /// Whether blanks and breaks are kept.
    pub(super) is_pre: Option<bool>,
    pub(super) colour: Option<Colour>,
    pub(super) background: Option<Colour>,
    /// A background that is no plain colour.
    pub(super) has_picture_behind: bool,
    pub(super) has_padding: bool,
    pub(super) has_border: bool,
    pub(super) has_no_border: bool,
    /// A line above or below.
    pub(super) has_line: bool,
    /// Whether there is no space above and below.
    pub(super) has_no_margin: Option<bool>,
    pub(super) is_without_bullets: bool,
    /// The level of a list item of Word's.
    pub(super) list_level: Option<u8>,
    pub(super) width_px: Option<u32>,
    pub(super) height_px: Option<u32>,
}

/// Reads the attributes of one element.
pub(super) fn look<'a>(attr: &dyn Fn(&str) -> Option<&'a str>) -> Look {
    let mut look = Look {
        align: attr("align").and_then(align),
        colour: attr("color").and_then(colour),
        background: attr("bgcolor").and_then(colour),
        has_picture_behind: attr("background").is_some_and(|b| !b.trim().is_empty()),
        width_px: attr("width").and_then(pixels),
        height_px: attr("height").and_then(pixels),
        ..Look::default()
    };
    let Some(style) = attr("style") else {
        return look;
    };
    let mut is_cut_off = false;
    let mut is_flat = false;
    for (property, value) in properties(style) {
        look.set(&property, &value);
        match property.as_ref() {
            "overflow" => is_cut_off = value == "hidden",
            "height" | "width" | "max-height" | "max-width" => is_flat |= is_zero(&value),
            _ => {}
        }
    }
    look.is_hidden |= is_cut_off && is_flat;
    look
}

impl Look {
    fn set(&mut self, property: &str, value: &str) {
        match property {
            "display" => {
                self.is_hidden |= value == "none";
                self.display = match value {
                    "inline" => Some(Display::Inline),
                    "inline-block" | "inline-flex" => Some(Display::InlineBlock),
                    "none" => None,
                    _ => Some(Display::Block),
                };
            }
            "visibility" => self.is_hidden |= matches!(value, "hidden" | "collapse"),
            "mso-hide" => self.is_hidden |= value == "all",
            "opacity" | "max-height" | "max-width" => self.is_hidden |= is_zero(value),
            "text-indent" | "left" | "top" | "margin-left" => {
                let far = length_px(value).is_some_and(|px| px <= -900.0);
                self.is_hidden |= far;
            }
            "font-size" => {
                let px = font_px(value);
                self.font_px = px.or(self.font_px);
                self.has_no_size = is_zero(value) || px.is_some_and(|px| px < LEGIBLE_PX);
            }
            "font-weight" => {
                let number = value.parse::<u32>().ok();
                self.is_bold = match value {
                    "bold" | "bolder" => Some(true),
                    "normal" | "lighter" => Some(false),
                    _ => number.map(|n| n >= 600),
                };
            }
            "font-style" => self.is_italic = Some(matches!(value, "italic" | "oblique")),
            "text-decoration" | "text-decoration-line" => {
                self.is_underlined = Some(value.contains("underline"));
                self.is_struck = Some(value.contains("line-through"));
            }
            "text-align" => self.align = align(value).or(self.align),
            "white-space" => self.is_pre = Some(value.starts_with("pre") && value != "pre-line"),
            "color" => self.colour = colour(value),
            "background" | "background-color" | "background-image" => {
                let found = value.split_whitespace().find_map(colour);
                self.background = found.or(self.background);
                self.has_picture_behind |= value.contains("url(") || value.contains("gradient");
            }
            "list-style" | "list-style-type" => {
                self.is_without_bullets = value.split_whitespace().any(|w| w == "none");
            }
            "mso-list" => {
                let level = value
                    .split_whitespace()
                    .find_map(|w| w.strip_prefix("level"));
                self.list_level = level.and_then(|n| n.parse().ok());
            }
            "width" => self.width_px = pixels(value).or(self.width_px),
            "height" => self.height_px = pixels(value).or(self.height_px),
            _ => self.set_box(property, value),
        }
    }

    fn set_box(&mut self, property: &str, value: &str) {
        match property {
            "border" => {
                let is_none = value == "none" || is_zero(value) || value.starts_with("none ");
                self.has_no_border = is_none;
                self.has_border = !is_none && value.contains("px");
            }
            "border-top" | "border-bottom" => {
                self.has_line |= value.contains("solid") && !value.split_whitespace().any(is_zero);
            }
            "margin" => {
                let sides: Vec<bool> = value.split_whitespace().map(is_zero).collect();
                let is_bottom_zero = sides.get(2).or(sides.first());
                self.has_no_margin = sides.first().zip(is_bottom_zero).map(|(a, b)| *a && *b);
            }
            "margin-top" | "margin-bottom" => {
                let before = self.has_no_margin.unwrap_or(true);
                self.has_no_margin = Some(before && is_zero(value));
            }
            _ if property.starts_with("padding") => {
                self.has_padding |= value.split_whitespace().any(|v| !is_zero(v));
            }
            _ => {}
        }
    }
}

fn align(value: &str) -> Option<Align> {
    match value.trim().to_ascii_lowercase().as_str() {
        "right" | "end" => Some(Align::Right),
        "center" | "middle" => Some(Align::Center),
        "left" | "start" | "justify" => Some(Align::Start),
        _ => None,
    }
}

/// Whole pixels; shares of something unknown are none.
pub(super) fn pixels(value: &str) -> Option<u32> {
    let value = value.trim();
    let value = value.strip_suffix("px").unwrap_or(value).trim();
    let (whole, rest) = value.split_once('.').unwrap_or((value, ""));
    let is_number = rest.bytes().all(|b| b.is_ascii_digit());
    whole.parse().ok().filter(|_| is_number)
}

fn length_px(value: &str) -> Option<f32> {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let unit = value.get(number.len()..)?;
    let by = match unit {
        "px" | "" => 1.0,
        "pt" => 4.0 / 3.0,
        "em" | "rem" => 16.0,
        "%" => 0.16,
        "in" => 96.0,
        _ => return None,
    };
    number.trim().parse::<f32>().ok().map(|n| n * by)
}

fn font_px(value: &str) -> Option<f32> {
    match value {
        "xx-small" => Some(9.0),
        "x-small" => Some(10.0),
        "small" => Some(13.0),
        "medium" => Some(16.0),
        "large" => Some(18.0),
        "x-large" => Some(24.0),
        "xx-large" => Some(32.0),
        _ => length_px(value),
    }
}

/// A plain colour, if that is what the word names.
pub(super) fn colour(value: &str) -> Option<Colour> {
    let value = value.trim().to_ascii_lowercase();
    let named = match value.as_str() {
        "white" => Some([255, 255, 255]),
        "black" => Some([0, 0, 0]),
        _ => None,
    };
    named.or_else(|| hex_colour(&value)).or_else(|| {
        let inner = value.strip_prefix("rgb(")?.strip_suffix(')')?;
        let mut sides = inner.split(',').map(|n| n.trim().parse::<u8>().ok());
        Some([sides.next()??, sides.next()??, sides.next()??])
    })
}

fn hex_colour(value: &str) -> Option<Colour> {
    let digits = value.strip_prefix('#').unwrap_or(value);
    let nibbles: Option<Vec<u32>> = digits.chars().map(|c| c.to_digit(16)).collect();
    let nibbles = nibbles?;
    let byte = |high: u32, low: u32| u8::try_from(high * 16 + low).ok();
    match nibbles.as_slice() {
        [r, g, b] if value.starts_with('#') => Some([byte(*r, *r)?, byte(*g, *g)?, byte(*b, *b)?]),
        [a, b, c, d, e, f] => Some([byte(*a, *b)?, byte(*c, *d)?, byte(*e, *f)?]),
        _ => None,
    }
}

/// Whether letters of one colour cannot be seen on the other.
pub(super) fn is_same(a: Colour, b: Colour) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(style: &str) -> Look {
        look(&|name| (name == "style").then_some(style))
    }

    #[test]
    fn what_hides_is_known_and_what_does_not_is_left() {
        for hidden in [
            "display:none",
            "color:red; DISPLAY : None !important",
            "visibility:hidden;",
            "mso-hide:all",
            "opacity:0",
            "max-height:0px;overflow:hidden",
            "height:0;overflow:hidden",
            "text-indent:-9999px",
            "position:absolute;left:-10000px",
        ] {
            assert!(of(hidden).is_hidden, "{hidden}");
        }
        for shown in [
            "display:block",
            "opacity:0.9",
            "font-size:0.9em",
            "max-height:100%",
            "height:0;line-height:20px",
            "text-indent:-18pt",
            "",
            ":;:",
        ] {
            let look = of(shown);
            assert!(!look.is_hidden && !look.has_no_size, "{shown}");
        }
        assert!(of("font-size:0px").has_no_size && of("font-size:1px").has_no_size);
    }

    #[test]
    fn colours_margins_and_sizes_are_read() {
        assert_eq!(colour("#FFF"), colour("rgb(255, 255, 255)"));
        assert_eq!(colour("0a0b0c"), Some([10, 11, 12]));
        assert_eq!(colour("url(x)"), None);
        assert_eq!(of("margin:0 0 16px").has_no_margin, Some(false));
        assert_eq!(of("margin:0 auto").has_no_margin, Some(true));
        assert_eq!(
            of("margin:0 0 0 40px;border:none").has_no_margin,
            Some(true)
        );
        assert_eq!(of("background:#fff url(x)").background, Some([255; 3]));
        assert_eq!(of("mso-list:l0 level2 lfo1").list_level, Some(2));
        assert_eq!(pixels("600.5px"), Some(600));
        assert_eq!(pixels("100%"), None);
    }
}
