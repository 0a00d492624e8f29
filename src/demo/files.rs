//! The files that sample mail carries or points to, embedded.
//!
//! Called by `letter` and `web`. Every file of `assets/demo/files` must stand here once.

use std::sync::LazyLock;

/// The columns and rows of the large picture.
const LARGE: (u32, u32) = (640, 480);

/// A picture that is large, as letters go: drawn, so that the program need not carry it.
static LIGHTSHIP: LazyLock<Vec<u8>> = LazyLock::new(lightship);

/// The bytes and the Content-Type of a file.
pub(crate) fn find(name: &str) -> Option<(&'static [u8], &'static str)> {
    let bytes: &[u8] = match name {
        "boat-7.png" => include_bytes!("../../assets/demo/files/boat-7.png"),
        "gauge-check.sh" => include_bytes!("../../assets/demo/files/gauge-check.sh"),
        "invoice-20814.pdf" => include_bytes!("../../assets/demo/files/invoice-20814.pdf"),
        "lightship-1962.bmp" => &LIGHTSHIP,
        "logo.png" => include_bytes!("../../assets/demo/files/logo.png"),
        "lower-quay.png" => include_bytes!("../../assets/demo/files/lower-quay.png"),
        "minutes.txt" => include_bytes!("../../assets/demo/files/minutes.txt"),
        "northgrid-october.pdf" => include_bytes!("../../assets/demo/files/northgrid-october.pdf"),
        "november-head.jpg" => include_bytes!("../../assets/demo/files/november-head.jpg"),
        "quotation-minato.pdf" => include_bytes!("../../assets/demo/files/quotation-minato.pdf"),
        "rehearsals.txt" => include_bytes!("../../assets/demo/files/rehearsals.txt"),
        "skerrow-levels.txt" => include_bytes!("../../assets/demo/files/skerrow-levels.txt"),
        "sunset.png" => include_bytes!("../../assets/demo/files/sunset.png"),
        "v2-0001-tide-index.patch" => {
            include_bytes!("../../assets/demo/files/v2-0001-tide-index.patch")
        }
        "violin-label.png" => include_bytes!("../../assets/demo/files/violin-label.png"),
        _ => return None,
    };
    let kind = match name.rsplit('.').next() {
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("bmp") => "image/bmp",
        Some("pdf") => "application/pdf",
        Some("patch") => "text/x-patch; charset=utf-8",
        Some("sh") => "application/x-sh",
        _ => "text/plain; charset=utf-8",
    };
    Some((bytes, kind))
}

/// A ship with a lantern between sea and sky, in grey, as a bitmap of 24 bits from the bottom up.
fn lightship() -> Vec<u8> {
    let (columns, rows) = LARGE;
    let pixels = columns * rows * 3;
    let mut bytes = b"BM".to_vec();
    for number in [54 + pixels, 0, 54, 40, columns, rows] {
        bytes.extend(number.to_le_bytes());
    }
    // One plane, 24 bits; not compressed, 72 dots an inch, no palette.
    bytes.extend([1, 0, 24, 0, 0, 0, 0, 0]);
    for number in [pixels, 2835, 2835, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    let mut grain = fastrand::Rng::with_seed(1962);
    for y in 0..rows {
        for x in 0..columns {
            let is_hull =
                (170..210).contains(&y) && (200 + (210 - y)..470 - (210 - y)).contains(&x);
            let is_mast = (210..360).contains(&y) && (330..336).contains(&x);
            let is_lantern = (360..384).contains(&y) && (321..345).contains(&x);
            let shade = match (is_hull || is_mast, is_lantern, y < 180) {
                (true, _, _) => 40,
                (_, true, _) => 235,
                // Waves.
                (_, _, true) => 90 + (x / 7 + y * 3) % 23,
                _ => 130 + y / 6,
            };
            let shade = u8::try_from(shade).unwrap_or(u8::MAX);
            let shade = shade.saturating_add(grain.u8(0..16));
            bytes.extend([shade; 3]);
        }
    }
    bytes
}
