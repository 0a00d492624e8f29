//! Pictures to dots: decoded within bounds, turned upright, scaled, laid on white.
//!
//! Called by `engine` on a thread for that. A picture must never take more memory than [`ALLOC_MAX`] allows,
//! and a panic of a decoder is a picture that cannot be shown.

use super::html::guarded;
use super::params::percent;
use super::transfer;
use crate::model::{Fit, Part, Pixels};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbaImage, imageops};
use std::collections::HashMap;
use std::io::Cursor;

/// The longest side of a picture.
const SIDE_MAX: u32 = 8192;
/// What a decoder may take.
const ALLOC_MAX: u64 = 128 * 1024 * 1024;
/// A sender who wants a picture larger than this is not asked.
const WANTED_MAX: u32 = 4096;

/// A picture made to fit: PNG, JPEG, GIF (its first frame) or WebP. `wanted` is the size that the sender
/// wants it to have, where they say so.
///
/// # Errors
/// Why it cannot be shown, in a few words.
pub fn picture(
    bytes: &[u8],
    wanted: (Option<u32>, Option<u32>),
    fit: Fit,
) -> Result<Pixels, &'static str> {
    guarded(|| decode(bytes, wanted, fit)).unwrap_or(Err("it is damaged"))
}

fn decode(
    bytes: &[u8],
    wanted: (Option<u32>, Option<u32>),
    fit: Fit,
) -> Result<Pixels, &'static str> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| "it is damaged")?;
    if reader.format().is_none() {
        return Err("its format is not known");
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(ALLOC_MAX);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(|e| why(&e))?;
    let (width, height) = decoder.dimensions();
    limits
        .check_dimensions(width, height)
        .and_then(|()| limits.reserve(decoder.total_bytes()))
        .map_err(|e| why(&e))?;
    let upright = decoder.orientation();
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| why(&e))?;
    if let Ok(upright) = upright {
        image.apply_orientation(upright);
    }
    let (width, height) = size(wanted, image.width(), image.height());
    let cells = fit.cells(width, height);
    let (width, height) = (
        u32::from(cells.0) * u32::from(fit.dots.0),
        u32::from(cells.1) * u32::from(fit.dots.1),
    );
    let dots = scaled(&image, width, height);
    Pixels::new(fit, cells, on_white(&dots)).ok_or("it is damaged")
}

fn why(error: &image::ImageError) -> &'static str {
    match error {
        image::ImageError::Limits(_) => "it is too large",
        image::ImageError::Unsupported(_) => "its format is not known",
        _ => "it is damaged",
    }
}

/// How large it is to be: as the sender says, else as it is.
fn size(wanted: (Option<u32>, Option<u32>), width: u32, height: u32) -> (u32, u32) {
    let sane = |side: Option<u32>| side.filter(|n| (1..=WANTED_MAX).contains(n));
    let other = |side: u32, of: u32, to: u32| {
        let length = u64::from(side) * u64::from(to) / u64::from(of.max(1));
        u32::try_from(length).unwrap_or(u32::MAX).max(1)
    };
    match (sane(wanted.0), sane(wanted.1)) {
        (Some(w), Some(h)) => (w, h),
        (Some(w), None) => (w, other(w, width, height)),
        (None, Some(h)) => (other(h, height, width), h),
        (None, None) => (width, height),
    }
}

fn scaled(image: &DynamicImage, width: u32, height: u32) -> RgbaImage {
    let is_smaller = width <= image.width() && height <= image.height();
    let scaled = if is_smaller {
        // The mean of all that falls into a dot.
        image.thumbnail_exact(width, height)
    } else {
        image.resize_exact(width, height, imageops::FilterType::Triangle)
    };
    scaled.into_rgba8()
}

/// What can be seen through is seen on white: that is what mail is made for, and dark letters on nothing
/// would vanish in a dark terminal.
fn on_white(image: &RgbaImage) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for dot in image.pixels() {
        let [r, g, b, alpha] = dot.0;
        let blend = |c: u8| {
            let (c, alpha) = (u32::from(c), u32::from(alpha));
            u8::try_from((c * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        rgb.extend([blend(r), blend(g), blend(b)]);
    }
    rgb
}

/// The bytes of a `data:` address (RFC 2397); `None` where it is none.
#[must_use]
pub fn data_url(url: &str) -> Option<Vec<u8>> {
    let (head, data) = url.split_once(',')?;
    let (scheme, kind) = head.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("data") {
        return None;
    }
    let mut bytes = Vec::with_capacity(data.len());
    percent(data.as_bytes(), &mut bytes);
    let is_encoded = kind
        .rsplit(';')
        .next()
        .is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    Some(if is_encoded {
        transfer::decode("base64", &bytes)
    } else {
        bytes
    })
}

/// The content id that a `cid:` address names (RFC 2392 section 2); `None` where it is no such address.
pub(super) fn content_id(url: &str) -> Option<Vec<u8>> {
    let (scheme, id) = url.trim().split_once(':')?;
    if !scheme.eq_ignore_ascii_case("cid") {
        return None;
    }
    let mut bytes = Vec::with_capacity(id.len());
    percent(id.as_bytes(), &mut bytes);
    Some(bytes)
}

/// The parts that such addresses may mean, by their ids: of several with one id the first.
pub(super) fn by_content_id<'a>(
    parts: impl DoubleEndedIterator<Item = &'a Part>,
) -> HashMap<&'a [u8], &'a Part> {
    let named = parts.rev().filter(|p| !p.content_id.is_empty());
    named.map(|p| (p.content_id.as_bytes(), p)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    const FIT: Fit = Fit {
        cols: 40,
        rows: 10,
        cell_px: (8, 16),
        dots: (1, 2),
    };

    /// A picture that is red on its left, blue on its right, and nothing at its bottom.
    fn sample(width: u32, height: u32) -> RgbaImage {
        RgbaImage::from_fn(width, height, |x, y| {
            if y >= height / 2 {
                image::Rgba([0, 0, 0, 0])
            } else if x < width / 2 {
                image::Rgba([255, 0, 0, 255])
            } else {
                image::Rgba([0, 0, 255, 255])
            }
        })
    }

    fn file(image: &RgbaImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let image = DynamicImage::from(image.clone());
        let image = match format {
            ImageFormat::Jpeg => DynamicImage::from(image.into_rgb8()),
            _ => image,
        };
        image.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    #[test]
    fn every_format_that_mail_uses_comes_out_as_the_same_dots() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Gif,
            ImageFormat::WebP,
            ImageFormat::Jpeg,
        ] {
            let bytes = file(&sample(320, 160), format);
            let pixels = picture(&bytes, (None, None), FIT).unwrap();
            assert_eq!((pixels.cols(), pixels.rows()), (40, 10), "{format:?}");
            let [r, g, b] = pixels.at(2, 2);
            assert!(r > 240 && g < 20 && b < 20, "{format:?}: {r} {g} {b}");
            let [r, g, b] = pixels.at(37, 2);
            assert!(r < 20 && g < 20 && b > 240, "{format:?}: {r} {g} {b}");
            if format != ImageFormat::Jpeg {
                assert_eq!(pixels.at(2, 17), [255; 3], "{format:?}: on white");
            }
        }
    }

    #[test]
    fn the_sender_may_want_it_smaller() {
        let bytes = file(&sample(320, 160), ImageFormat::Png);
        let cells = |wanted| {
            let pixels = picture(&bytes, wanted, FIT).unwrap();
            (pixels.cols(), pixels.rows())
        };
        assert_eq!(cells((Some(160), None)), (20, 5));
        assert_eq!(cells((None, Some(80))), (20, 5));
        assert_eq!(cells((Some(0), Some(u32::MAX))), (40, 10));
    }

    #[test]
    fn a_bomb_and_a_wreck_say_why_and_take_nothing() {
        let mut bomb = file(&sample(4, 4), ImageFormat::Png);
        // The width in the header, without its checksum's blessing.
        bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        assert!(picture(&bomb, (None, None), FIT).is_err());
        let long = file(&RgbaImage::new(8193, 1), ImageFormat::Png);
        assert_eq!(picture(&long, (None, None), FIT), Err("it is too large"));
        assert_eq!(
            picture(b"<svg></svg>", (None, None), FIT),
            Err("its format is not known")
        );
        assert!(picture(b"", (None, None), FIT).is_err());
    }

    #[test]
    fn a_data_address_gives_its_bytes() {
        assert_eq!(
            data_url("data:image/png;base64,aGVs bG8=").as_deref(),
            Some(&b"hello"[..])
        );
        assert_eq!(data_url("DATA:,a%20b").as_deref(), Some(&b"a b"[..]));
        assert_eq!(data_url("http://h/,x"), None);
        assert_eq!(data_url("data"), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
        #[test]
        fn damage_never_panics(at in 0usize..4000, value: u8, cut in 0usize..4000, kind in 0usize..4) {
            let format = [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Jpeg][kind];
            let mut bytes = file(&sample(64, 32), format);
            let len = bytes.len();
            bytes[at % len] = value;
            bytes.truncate(cut.max(len / 2) % (len + 1));
            if let Ok(pixels) = picture(&bytes, (None, None), FIT) {
                proptest::prop_assert!(pixels.cols() <= FIT.cols && pixels.rows() <= FIT.rows);
            }
        }
    }
}
