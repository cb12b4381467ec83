//! What a picture costs, by its size and the detail asked for.

use std::borrow::Cow;

/// A provider's rule, as its documentation states it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pricing {
    /// OpenAI's 512-pixel tiles: a base, and so much for each tile after fitting 2048 × 2048 and a shortest side of 768.
    Tiles { base: u64, tile: u64 },
    /// OpenAI's 32-pixel patches, at most 1,536 of them, times a factor in hundredths.
    Patches { hundredths: u64 },
    /// Anthropic: pixels / 750, after fitting a longest side of 1568 and about 1.2 megapixels.
    Pixels,
    /// Gemini: 258 for a small picture, else 258 for each 768-pixel tile.
    Crops,
    /// Mistral and the open vision models: square cells of this side, after fitting a longest side of 1540.
    Cells { side: u64 },
}

/// Width and height in pixels.
type Size = (u64, u64);

/// The size taken for a picture that cannot be looked into (a remote URL, an unknown format).
const UNSEEN: Size = (1024, 1024);

impl Pricing {
    /// Tokens for the picture at `url` (`data:` or remote) with `detail` as the request spells it.
    pub fn tokens(self, url: &str, detail: &str) -> u64 {
        let low = detail == "low";
        if low && let Pricing::Tiles { base, .. } = self {
            return base;
        }
        let size = inline_size(url).unwrap_or(UNSEEN);
        match self {
            Pricing::Tiles { base, tile } => {
                let (w, h) = shrink(shrink_longest(size, 2048), |(w, h)| w.min(h), 768);
                base + tile * w.div_ceil(512) * h.div_ceil(512)
            }
            Pricing::Patches { hundredths } => {
                let size = if low { shrink_longest(size, 512) } else { size };
                let patches = size.0.div_ceil(32) * size.1.div_ceil(32);
                (patches.min(1536) * hundredths).div_ceil(100)
            }
            Pricing::Pixels => {
                let (w, h) = shrink_longest(size, 1568);
                (w * h / 750).clamp(1, 1600)
            }
            Pricing::Crops if size.0 <= 384 && size.1 <= 384 => 258,
            Pricing::Crops => 258 * size.0.div_ceil(768).min(16) * size.1.div_ceil(768).min(16),
            Pricing::Cells { side } => {
                let (w, h) = shrink_longest(size, 1540);
                let rows = h.div_ceil(side);
                rows * w.div_ceil(side) + rows
            }
        }
    }
}

fn shrink_longest(size: Size, limit: u64) -> Size {
    shrink(size, |(w, h)| w.max(h), limit)
}

fn shrink((w, h): Size, side: impl Fn(Size) -> u64, limit: u64) -> Size {
    let side = side((w, h));
    if side <= limit {
        return (w, h);
    }
    ((w * limit / side).max(1), (h * limit / side).max(1))
}

/// The size of a picture carried in a `data:` URL, read from its header.
fn inline_size(url: &str) -> Option<Size> {
    let (_, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let size = header_size(&decode_head(base64.as_bytes()))?;
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// The first bytes of a base64 text. A JPEG's size may stand behind its metadata, hence 64 KiB.
fn decode_head(base64: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for &c in base64.iter().take(1 << 16) {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

fn header_size(head: &[u8]) -> Option<Size> {
    let big = |at: usize, n: usize| {
        Some(
            head.get(at..at + n)?
                .iter()
                .fold(0, |v, &b| v << 8 | u64::from(b)),
        )
    };
    let little = |at: usize, n: usize| {
        Some(
            head.get(at..at + n)?
                .iter()
                .rev()
                .fold(0, |v, &b| v << 8 | u64::from(b)),
        )
    };
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((big(16, 4)?, big(20, 4)?));
    }
    if head.starts_with(b"GIF8") {
        return Some((little(6, 2)?, little(8, 2)?));
    }
    if head.starts_with(b"\xff\xd8") {
        return jpeg_size(head);
    }
    if head.starts_with(b"RIFF") && head.get(8..12)? == b"WEBP" {
        return match head.get(12..16)? {
            b"VP8 " => Some((little(26, 2)? & 0x3FFF, little(28, 2)? & 0x3FFF)),
            b"VP8L" => {
                let bits = little(21, 4)?;
                Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
            }
            b"VP8X" => Some((little(24, 3)? + 1, little(27, 3)? + 1)),
            _ => None,
        };
    }
    None
}

/// Walks a JPEG's segments to its start-of-frame.
fn jpeg_size(head: &[u8]) -> Option<Size> {
    let word = |at: usize| Some(u64::from(*head.get(at)?) << 8 | u64::from(*head.get(at + 1)?));
    let mut at = 2;
    loop {
        match *head.get(at + 1)? {
            0xFF => at += 1,
            0xC4 | 0xC8 | 0xCC | 0xD8 => at += 2 + word(at + 2)? as usize,
            0xC0..=0xCF => return Some((word(at + 7)?, word(at + 5)?)),
            0xD9 | 0xDA => return None,
            _ => at += 2 + word(at + 2)? as usize,
        }
    }
}

/// One picture in a message, as the parts of a request name it.
#[derive(Default)]
pub(super) struct Picture<'a> {
    pub url: Cow<'a, str>,
    pub detail: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPT_4O: Pricing = Pricing::Tiles {
        base: 85,
        tile: 170,
    };
    /// Header of a 2048 × 4096 PNG.
    const TALL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAACAAAABAACAIAAAA";

    #[test]
    fn openai_documentation_examples() {
        // "1024 × 1024 in high: 765", "2048 × 4096 in high: 1105", "4096 × 8192 in low: 85"
        assert_eq!(GPT_4O.tokens("https://example.com/a.png", "high"), 765);
        assert_eq!(GPT_4O.tokens(TALL, "high"), 1105);
        assert_eq!(GPT_4O.tokens(TALL, "low"), 85);
        // "1024 × 1024: 1024 patches"
        assert_eq!(
            Pricing::Patches { hundredths: 100 }.tokens("https://example.com/a.png", "auto"),
            1024
        );
    }

    #[test]
    fn sizes_are_read_from_headers() {
        assert_eq!(inline_size(TALL), Some((2048, 4096)));
        assert_eq!(
            inline_size("data:image/gif;base64,R0lGODlhQAHwAPAAAA=="),
            Some((320, 240))
        );
        let jpeg = [
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08".as_slice(),
            &[0x01, 0x2c, 0x02, 0x58],
        ]
        .concat();
        assert_eq!(header_size(&jpeg), Some((600, 300)));
        assert_eq!(inline_size("data:image/png;base64,AAAA"), None);
        assert_eq!(inline_size("https://example.com"), None);
    }
}
