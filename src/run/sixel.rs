//! Dots to sixels (DEC STD 070 chapter 9): a fixed palette, the rest by dithering.
//!
//! Used by `painter`. What is written must never hold a byte but digits, sixels and the signs between them.
//! Our own, because the crate for it brings some twenty others for palettes of its own.

use std::fmt::Write as _;

/// Steps of each of the three colours.
const STEPS: u16 = 6;
const COLOURS: usize = 216;
/// The order in which dots of a square of four by four give way, in sixteenths.
const ORDER: [[i32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// Rows of red, green and blue as one picture of sixels, with what begins and ends it.
pub(super) fn encode(rgb: &[u8], width: usize, height: usize) -> Vec<u8> {
    // Dots that are not set stay as they are; a dot is as high as it is wide.
    let mut out = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    for n in 0..STEPS * STEPS * STEPS {
        let percent = |step: u16| step * 100 / (STEPS - 1);
        let (r, g, b) = (n / 36, n / 6 % 6, n % 6);
        let _ = write!(out, "#{n};2;{};{};{}", percent(r), percent(g), percent(b));
    }
    let line = (width * 3).max(1);
    for (band, dots) in rgb.chunks(line * 6).enumerate() {
        encode_band(&mut out, band, dots, width);
    }
    out.push_str("\x1b\\");
    out.into_bytes()
}

/// Six rows of dots: one row of sixels for each colour in them.
fn encode_band(out: &mut String, band: usize, dots: &[u8], width: usize) {
    let mut planes: Vec<Option<Vec<u8>>> = vec![None; COLOURS];
    for (bit, row) in dots.chunks(width.max(1) * 3).enumerate() {
        for (x, dot) in row.chunks_exact(3).enumerate() {
            let [r, g, b] = dot else { continue };
            let nudge = nudge(x, band * 6 + bit);
            let colour = [r, g, b].map(|c| step(*c, nudge));
            let [r, g, b] = colour;
            let plane = planes.get_mut(r * 36 + g * 6 + b);
            let plane = plane.map(|plane| plane.get_or_insert_with(|| vec![0; width]));
            if let Some(sixel) = plane.and_then(|plane| plane.get_mut(x)) {
                *sixel |= 1 << bit;
            }
        }
    }
    for (colour, plane) in planes.iter().enumerate() {
        if let Some(plane) = plane {
            let _ = write!(out, "#{colour}");
            for run in plane.chunk_by(|a, b| a == b) {
                let sixel = char::from(63 + run.first().copied().unwrap_or(0));
                if run.len() > 3 {
                    let _ = write!(out, "!{}{sixel}", run.len());
                } else {
                    out.extend(std::iter::repeat_n(sixel, run.len()));
                }
            }
            // Back to the beginning of the row.
            out.push('$');
        }
    }
    out.push('-');
}

fn nudge(x: usize, y: usize) -> i32 {
    let row = ORDER.get(y % 4);
    row.and_then(|row| row.get(x % 4)).copied().unwrap_or(0)
}

/// The step of a colour, the next one for as many dots of a square as it is nearer to it.
fn step(value: u8, nudge: i32) -> usize {
    let sixteenths = i32::from(value) * 5 * 16 / 255;
    usize::try_from((sixteenths + nudge) / 16)
        .unwrap_or(0)
        .min(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_colours_come_out_as_they_are() {
        let red_over_blue = [[255, 0, 0]; 4].into_iter().chain([[0, 0, 255]; 4]);
        let rgb: Vec<u8> = red_over_blue.flatten().collect();
        let text = String::from_utf8(encode(&rgb, 4, 2)).unwrap();
        assert!(
            text.starts_with("\x1bP0;1;0q\"1;1;4;2#0;2;0;0;0#1;2;0;0;20"),
            "{text}"
        );
        // Blue is in the second row, red in the first.
        assert!(text.ends_with("#5!4A$#180!4@$-\x1b\\"), "{text}");
    }

    #[test]
    fn nothing_between_its_ends_could_end_it() {
        let mut random = fastrand::Rng::with_seed(1);
        let rgb: Vec<u8> = (0..33 * 20 * 3).map(|_| random.u8(..)).collect();
        let bytes = encode(&rgb, 33, 20);
        let inner = &bytes[2..bytes.len() - 2];
        assert!(inner.iter().all(|b| (0x20..0x7f).contains(b)));
        assert_eq!(inner.iter().filter(|b| **b == b'-').count(), 4);
    }
}
