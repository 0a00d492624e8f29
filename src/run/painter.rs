//! Pictures that the terminal itself shows: made into its protocol on a thread, painted behind each frame.
//!
//! Called by `run`. Every byte of a payload comes from decoded dots, as base64 or sixels; what a sender wrote
//! must never be part of it. The terminal is told not to answer, since an answer would count as keys.

use super::sixel;
use crate::app::Pictures;
use crate::model::Pixels;
use crate::ui::Spot;
use base64::Engine as _;
use image::ImageEncoder as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use tokio::task::JoinSet;

/// Kitty takes a payload in pieces of this size.
const CHUNK: usize = 4096;
/// So much of a picture that was made ready may wait to be shown, in pieces.
const READY_MAX: usize = 64;

/// Rows of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    id: u32,
    first: u16,
    rows: u16,
}

/// What is painted, and what is being made ready.
#[derive(Debug)]
pub(super) struct Painter {
    mode: Pictures,
    on_screen: Vec<(Piece, u16, u16)>,
    /// The pictures that kitty holds.
    sent: BTreeSet<u32>,
    ready: BTreeMap<Piece, Vec<u8>>,
    asked: BTreeSet<Piece>,
    jobs: JoinSet<(Piece, Vec<u8>)>,
}

impl Painter {
    pub(super) fn new(mode: Pictures) -> Self {
        Self {
            mode,
            on_screen: Vec::new(),
            sent: BTreeSet::new(),
            ready: BTreeMap::new(),
            asked: BTreeSet::new(),
            jobs: JoinSet::new(),
        }
    }

    const fn has_protocol(&self) -> bool {
        matches!(
            self.mode,
            Pictures::Kitty | Pictures::KittyPlaced | Pictures::Iterm2 | Pictures::Sixel
        )
    }

    /// Whether the terminal holds a picture, and only has to be told where to show it.
    const fn is_held(&self) -> bool {
        matches!(self.mode, Pictures::Kitty | Pictures::KittyPlaced)
    }

    /// The piece that is needed for a spot: kitty takes all of a picture and clips it by itself.
    fn piece(&self, spot: &Spot) -> Piece {
        if self.is_held() {
            Piece {
                id: spot.id,
                first: 0,
                rows: spot.pixels.rows(),
            }
        } else {
            Piece {
                id: spot.id,
                first: spot.first,
                rows: spot.rows,
            }
        }
    }

    /// What goes out in front of a frame: pictures that kitty is to hold, and those that it can drop. Has the
    /// rest made ready.
    pub(super) fn before(&mut self, spots: &[Spot], is_alive: impl Fn(u32) -> bool) -> Vec<u8> {
        if !self.has_protocol() {
            return Vec::new();
        }
        for spot in spots {
            let piece = self.piece(spot);
            let is_known = self.ready.contains_key(&piece) || self.sent.contains(&piece.id);
            if !is_known && self.asked.insert(piece) {
                let (mode, pixels) = (self.mode, spot.pixels.clone());
                self.jobs
                    .spawn_blocking(move || (piece, encode(mode, &pixels, piece)));
            }
        }
        let is_visible = |id| spots.iter().any(|s| s.id == id);
        let mut out = Vec::new();
        let gone: Vec<u32> = self
            .sent
            .iter()
            .copied()
            .filter(|id| !is_alive(*id))
            .collect();
        for id in gone {
            self.sent.remove(&id);
            out.extend(forget(id));
        }
        if self.is_held() {
            let ready = std::mem::take(&mut self.ready);
            for (piece, payload) in ready {
                if is_visible(piece.id) && self.sent.insert(piece.id) {
                    out.extend(payload);
                }
            }
        }
        self.ready
            .retain(|piece, _| is_alive(piece.id) && (is_visible(piece.id) || piece.first == 0));
        while self.ready.len() > READY_MAX {
            self.ready.pop_first();
        }
        out
    }

    /// What goes out behind a frame: the pictures that are not where they are to be.
    pub(super) fn after(&mut self, spots: &[Spot]) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.has_protocol() || self.mode == Pictures::Kitty {
            return out;
        }
        let before = std::mem::take(&mut self.on_screen);
        if self.mode == Pictures::KittyPlaced {
            let is_visible = |id| spots.iter().any(|s| s.id == id);
            let gone = before.iter().map(|(piece, ..)| piece.id);
            out.extend(gone.filter(|id| !is_visible(*id)).flat_map(take_down));
        }
        for spot in spots {
            let piece = Piece {
                id: spot.id,
                first: spot.first,
                rows: spot.rows,
            };
            let place = (piece, spot.x, spot.y);
            if !before.contains(&place) {
                let placed = self.sent.contains(&spot.id).then(|| put_up(spot));
                let Some(payload) = placed.as_ref().or_else(|| self.ready.get(&piece)) else {
                    continue;
                };
                // The cursor is put back where the frame left it.
                let move_to = format!("\x1b7\x1b[{};{}H", spot.y + 1, spot.x + 1);
                out.extend(move_to.into_bytes());
                out.extend(payload);
                out.extend(b"\x1b8");
            }
            self.on_screen.push(place);
        }
        out
    }

    /// The terminal was cleared: nothing is there any more.
    pub(super) fn forget(&mut self) {
        self.on_screen.clear();
        self.sent.clear();
    }

    /// What goes out before the terminal is given back for good.
    pub(super) fn farewell(&mut self) -> Vec<u8> {
        let sent = std::mem::take(&mut self.sent);
        sent.into_iter().flat_map(forget).collect()
    }

    /// Waits until something more is ready; for ever, while nothing is being made.
    pub(super) async fn ready(&mut self) {
        match self.jobs.join_next().await {
            Some(Ok((piece, payload))) => {
                self.asked.remove(&piece);
                self.ready.insert(piece, payload);
            }
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }
}

/// Has kitty show a part of a picture where the cursor is, and nowhere else any more.
fn put_up(spot: &Spot) -> Vec<u8> {
    let (_, above) = spot.pixels.slice(0, spot.first);
    let (_, height) = spot.pixels.slice(spot.first, spot.rows);
    let (width, cols) = (spot.pixels.width(), spot.pixels.cols());
    let Spot { id, rows, .. } = spot;
    format!(
        "\x1b_Ga=p,i={id},p=1,x=0,y={above},w={width},h={height},c={cols},r={rows},C=1,q=2\x1b\\"
    )
    .into_bytes()
}

/// Has kitty show a picture no longer, and keep it.
fn take_down(id: u32) -> Vec<u8> {
    format!("\x1b_Ga=d,d=i,i={id},q=2\x1b\\").into_bytes()
}

/// Has kitty drop a picture.
fn forget(id: u32) -> Vec<u8> {
    format!("\x1b_Ga=d,d=I,i={id},q=2\x1b\\").into_bytes()
}

fn encode(mode: Pictures, pixels: &Pixels, piece: Piece) -> Vec<u8> {
    let (dots, height) = pixels.slice(piece.first, piece.rows);
    match mode {
        Pictures::Sixel => sixel::encode(dots, pixels.width(), height),
        Pictures::Iterm2 => iterm2(
            &png(dots, pixels.width(), height),
            pixels.cols(),
            piece.rows,
        ),
        Pictures::Kitty => {
            let cells = format!("a=T,U=1,c={},r={}", pixels.cols(), pixels.rows());
            kitty(&png(dots, pixels.width(), height), &cells, piece.id)
        }
        Pictures::KittyPlaced => kitty(&png(dots, pixels.width(), height), "a=t", piece.id),
        Pictures::Off | Pictures::Blocks { .. } => Vec::new(),
    }
}

fn png(dots: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive);
    let side = |n: usize| u32::try_from(n).unwrap_or(0);
    let colour = image::ExtendedColorType::Rgb8;
    match encoder.write_image(dots, side(width), side(height), colour) {
        Ok(()) => file,
        Err(error) => {
            tracing::warn!(%error, "a picture could not be made ready");
            Vec::new()
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn iterm2(png: &[u8], cols: u16, rows: u16) -> Vec<u8> {
    let head = format!(
        "\x1b]1337;File=inline=1;size={};width={cols};height={rows};preserveAspectRatio=0;doNotMoveCursor=1:",
        png.len()
    );
    let mut out = head.into_bytes();
    out.extend(base64(png).into_bytes());
    out.push(0x07);
    out
}

fn kitty(png: &[u8], how: &str, id: u32) -> Vec<u8> {
    let payload = base64(png);
    let mut out = String::with_capacity(payload.len() + payload.len() / 100 + 64);
    let chunks: Vec<&[u8]> = payload.as_bytes().chunks(CHUNK).collect();
    for (n, chunk) in chunks.iter().enumerate() {
        let more = u8::from(n + 1 < chunks.len());
        out.push_str("\x1b_G");
        if n == 0 {
            let _ = write!(out, "{how},f=100,t=d,i={id},");
        }
        let _ = write!(out, "q=2,m={more};");
        out.extend(chunk.iter().map(|b| char::from(*b)));
        out.push_str("\x1b\\");
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fit;
    use std::sync::Arc;

    fn spot(first: u16, rows: u16, y: u16) -> Spot {
        let fit = Fit {
            cols: 4,
            rows: 3,
            cell_px: (8, 16),
            dots: (8, 16),
        };
        let rgb = vec![7; 32 * 48 * 3];
        Spot {
            id: 5,
            pixels: Arc::new(Pixels::new(fit, (4, 3), rgb).unwrap()),
            x: 2,
            y,
            first,
            rows,
        }
    }

    #[tokio::test]
    async fn a_picture_is_painted_once_and_again_only_where_it_moved() {
        for mode in [Pictures::Sixel, Pictures::Iterm2] {
            let mut painter = Painter::new(mode);
            let here = [spot(0, 3, 4)];
            assert!(painter.before(&here, |_| true).is_empty());
            assert!(painter.after(&here).is_empty(), "not ready yet");
            painter.ready().await;
            painter.before(&here, |_| true);
            let painted = painter.after(&here);
            assert!(painted.starts_with(b"\x1b7\x1b[5;3H"), "{mode:?}");
            assert!(painted.ends_with(b"\x1b8"));
            assert!(painter.after(&here).is_empty(), "{mode:?}: it is there");
            painter.before(&[], |_| true);
            assert!(painter.after(&[]).is_empty());
            painter.before(&here, |_| true);
            assert!(!painter.after(&here).is_empty(), "{mode:?}: it was gone");
        }
    }

    #[tokio::test]
    async fn kitty_holds_a_picture_until_its_message_is_left_and_never_answers() {
        let mut painter = Painter::new(Pictures::Kitty);
        let here = [spot(1, 1, 4)];
        painter.before(&here, |_| true);
        painter.ready().await;
        let sent = String::from_utf8(painter.before(&here, |_| true)).unwrap();
        assert!(
            sent.starts_with("\x1b_Ga=T,U=1,c=4,r=3,f=100,t=d,i=5,q=2,m="),
            "{sent}"
        );
        for command in sent.split("\x1b_G").skip(1) {
            assert!(command.contains("q=2"), "{command}");
        }
        assert!(painter.before(&here, |_| true).is_empty());
        assert!(painter.before(&[], |_| true).is_empty(), "scrolled away");
        let dropped = painter.before(&[], |_| false);
        assert_eq!(dropped, b"\x1b_Ga=d,d=I,i=5,q=2\x1b\\");
        assert!(painter.farewell().is_empty());
    }

    #[tokio::test]
    async fn a_placed_picture_is_sent_once_then_moved_and_taken_down_in_few_bytes() {
        let mut painter = Painter::new(Pictures::KittyPlaced);
        let frame = |painter: &mut Painter, spots: &[Spot]| {
            let mut out = painter.before(spots, |_| true);
            out.extend(painter.after(spots));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(frame(&mut painter, &[spot(0, 3, 4)]), "", "not ready yet");
        painter.ready().await;
        let sent = frame(&mut painter, &[spot(0, 3, 4)]);
        assert!(sent.starts_with("\x1b_Ga=t,f=100,t=d,i=5,q=2,m="), "{sent}");
        let put = "\x1b7\x1b[5;3H\x1b_Ga=p,i=5,p=1,x=0,y=0,w=32,h=48,c=4,r=3,C=1,q=2\x1b\\\x1b8";
        assert!(sent.ends_with(put), "{sent}");
        assert_eq!(frame(&mut painter, &[spot(0, 3, 4)]), "", "it is there");
        assert_eq!(
            frame(&mut painter, &[spot(2, 1, 1)]),
            "\x1b7\x1b[2;3H\x1b_Ga=p,i=5,p=1,x=0,y=32,w=32,h=16,c=4,r=1,C=1,q=2\x1b\\\x1b8"
        );
        assert_eq!(frame(&mut painter, &[]), "\x1b_Ga=d,d=i,i=5,q=2\x1b\\");
        assert_eq!(frame(&mut painter, &[spot(0, 3, 4)]), put, "still held");
        assert_eq!(painter.farewell(), b"\x1b_Ga=d,d=I,i=5,q=2\x1b\\");
    }
}
