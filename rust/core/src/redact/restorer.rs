//! Values back into an answer that comes in pieces.

use std::collections::HashMap;
use std::sync::Arc;

/// What the placeholders stand for.
pub(super) type Values = HashMap<String, String>;

/// Restores an answer piece by piece; holds back no more than what may become a placeholder.
#[derive(Debug)]
pub struct Restorer {
    values: Arc<Values>,
    held: String,
}

impl Restorer {
    pub(super) fn new(values: Arc<Values>) -> Self {
        Restorer {
            values,
            held: String::new(),
        }
    }

    /// Takes in a piece and hands back what is sure.
    pub fn feed(&mut self, piece: &str) -> String {
        let text = if self.held.is_empty() {
            piece.to_owned()
        } else {
            std::mem::take(&mut self.held) + piece
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = &text[..];
        // A placeholder has its one `[` at the front: each is decided by what stands before the next.
        while let Some(open) = memchr::memchr(b'[', rest.as_bytes()) {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let Some((length, meant)) = self.opened(rest) else {
                rest.clone_into(&mut self.held);
                return out;
            };
            out.push_str(meant);
            rest = &rest[length..];
        }
        out.push_str(rest);
        out
    }

    /// How long what opens at the front of `text` is, and what it means; `None` where more of the answer decides.
    fn opened<'a>(&'a self, text: &'a str) -> Option<(usize, &'a str)> {
        let inside =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        let name = text.as_bytes()[1..].iter().take_while(|byte| inside(byte));
        let close = 1 + name.count();
        let begins = |placeholder: &String| placeholder.starts_with(text);
        if close == text.len() && self.values.keys().any(begins) {
            return None;
        }
        let value = text
            .get(..=close)
            .and_then(|placeholder| self.values.get(placeholder));
        Some(value.map_or((close, &text[..close]), |value| (close + 1, value)))
    }

    /// The answer is over: hands back what was held.
    pub fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}
