//! A picture as dots, made to fit a number of cells.
//!
//! Made by `mime::picture`, kept by `app`, drawn by `ui` and `run`. It must never hold a byte that a sender
//! wrote: colours only, decoded and scaled.

use std::fmt;

/// What a picture is made to fit: a box of cells, and what a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fit {
    /// The columns there are.
    pub cols: u16,
    /// The rows there are.
    pub rows: u16,
    /// The width and height of a cell in pixels of the screen.
    pub cell_px: (u16, u16),
    /// How many dots are drawn into a cell, across and down.
    pub dots: (u16, u16),
}

impl Fit {
    /// The columns and rows of a picture of that size: never enlarged, its proportions kept, at least one
    /// cell.
    #[must_use]
    pub fn cells(self, width_px: u32, height_px: u32) -> (u16, u16) {
        let (width, height) = (u64::from(width_px.max(1)), u64::from(height_px.max(1)));
        let cell = (
            u64::from(self.cell_px.0.max(1)),
            u64::from(self.cell_px.1.max(1)),
        );
        let room = (
            u64::from(self.cols.max(1)) * cell.0,
            u64::from(self.rows.max(1)) * cell.1,
        );
        let (width, height) = if width <= room.0 && height <= room.1 {
            (width, height)
        } else if width * room.1 >= height * room.0 {
            (room.0, (height * room.0 / width).max(1))
        } else {
            ((width * room.1 / height).max(1), room.1)
        };
        let rounded = |length: u64, unit: u64, most: u16| {
            let count = (length + unit / 2) / unit;
            u16::try_from(count).unwrap_or(most).clamp(1, most.max(1))
        };
        let rows = rounded(height, cell.1, self.rows);
        // As wide as the height in whole rows asks for, so that it is not stretched.
        let width = (width * u64::from(rows) * cell.1).div_ceil(height);
        (rounded(width, cell.0, self.cols), rows)
    }
}

/// A colour: red, green, blue.
pub type Rgb = [u8; 3];

/// A picture, scaled to whole cells.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    cols: u16,
    rows: u16,
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    /// Dots for so many cells; `None` where they are too few or too many.
    #[must_use]
    pub fn new(fit: Fit, (cols, rows): (u16, u16), rgb: Vec<u8>) -> Option<Self> {
        let width = usize::from(cols) * usize::from(fit.dots.0);
        let height = usize::from(rows) * usize::from(fit.dots.1);
        (width > 0 && height > 0 && rgb.len() == width * height * 3).then_some(Self {
            cols,
            rows,
            width,
            height,
            rgb,
        })
    }

    /// The columns it takes.
    #[must_use]
    pub const fn cols(&self) -> u16 {
        self.cols
    }

    /// The rows it takes.
    #[must_use]
    pub const fn rows(&self) -> u16 {
        self.rows
    }

    /// Its width in dots.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The colour of a dot; black outside.
    #[must_use]
    pub fn at(&self, x: usize, y: usize) -> Rgb {
        if x >= self.width {
            return [0; 3];
        }
        let from = (y * self.width + x) * 3;
        let found = self.rgb.get(from..from + 3);
        found.and_then(|rgb| rgb.try_into().ok()).unwrap_or([0; 3])
    }

    /// The dots of some of its rows, and how many rows of dots these are.
    #[must_use]
    pub fn slice(&self, first: u16, count: u16) -> (&[u8], usize) {
        let per_row = self.height / usize::from(self.rows.max(1));
        let from = usize::from(first.min(self.rows)) * per_row;
        let to = usize::from(first.saturating_add(count).min(self.rows)) * per_row;
        let line = self.width * 3;
        let dots = self.rgb.get(from * line..to * line).unwrap_or_default();
        (dots, to - from)
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({} by {} cells)", self.cols, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: Fit = Fit {
        cols: 80,
        rows: 20,
        cell_px: (8, 16),
        dots: (1, 2),
    };

    #[test]
    fn a_picture_keeps_its_proportions_and_its_bounds() {
        assert_eq!(FIT.cells(160, 160), (20, 10));
        assert_eq!(FIT.cells(640, 320), (80, 20));
        assert_eq!(FIT.cells(6400, 320), (80, 2));
        assert_eq!(FIT.cells(320, 6400), (2, 20));
        assert_eq!(FIT.cells(1280, 1280), (40, 20));
        assert_eq!(FIT.cells(1, 1), (2, 1));
        assert_eq!(FIT.cells(0, 0), (2, 1));
        assert_eq!(FIT.cells(u32::MAX, 1), (80, 1));
        assert_eq!(FIT.cells(1, u32::MAX), (1, 20));
    }

    #[test]
    fn a_slice_is_whole_rows_and_never_more_than_there_are() {
        let rgb: Vec<u8> = (0..2 * 6 * 3).map(|n| u8::try_from(n).unwrap()).collect();
        let pixels = Pixels::new(FIT, (2, 3), rgb.clone()).unwrap();
        assert_eq!(pixels.slice(1, 1), (&rgb[12..24], 2));
        assert_eq!(pixels.slice(1, 9), (&rgb[12..], 4));
        assert_eq!(pixels.slice(9, 9).1, 0);
        assert_eq!(pixels.at(1, 1), [9, 10, 11]);
        assert_eq!(pixels.at(2, 0), [0; 3]);
        assert!(Pixels::new(FIT, (2, 2), rgb).is_none());
    }
}
