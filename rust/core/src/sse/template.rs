//! Reading an event by what differs from the one before.

use super::marks::{Mark, Piece};
use crate::json::{Skimmer, Span};

/// An event without its words: the same bytes around one string of text, and around OpenAI's padding, mean the same.
///
/// Hundreds of events in a stream differ in nothing else; comparing them takes a quarter of skimming them.
#[derive(Debug, Default)]
pub(super) struct Template {
    choice: u64,
    piece: Option<Piece>,
    pieces: Vec<Vec<u8>>,
    /// Which of the strings between the pieces is text; the other is padding.
    word: usize,
    /// The event has content besides the text.
    pub matter: bool,
}

impl Template {
    /// Remembers an event that says one `word` in one choice, and nothing else.
    pub fn learn(&mut self, text: &str, word: &Mark, padding: Option<Span>) {
        let mut holes = [Some(word.span), padding];
        self.piece = None;
        if holes.iter().flatten().any(|hole| !is_string(text, *hole)) {
            return;
        }
        holes.sort_by_key(|hole| hole.map_or(usize::MAX, |span| span.start));
        self.word = usize::from(holes[0].is_some_and(|first| first.start != word.span.start));
        self.choice = word.choice;
        self.piece = Some(word.piece);
        self.pieces.truncate(0);
        let mut from = 0;
        for hole in holes.iter().flatten() {
            self.pieces.push(text.as_bytes()[from..hole.start].to_vec());
            from = hole.end;
        }
        self.pieces.push(text.as_bytes()[from..].to_vec());
    }

    /// The word that `text` says, if it differs from the remembered event in nothing but strings.
    pub fn read(&self, text: &str) -> Option<Mark> {
        let spoken = self.piece?;
        let mut json = Skimmer::new(text);
        let mut word = None;
        let (last, before) = self.pieces.split_last()?;
        for (hole, piece) in before.iter().enumerate() {
            if !text.as_bytes()[json.at..].starts_with(piece) {
                return None;
            }
            // The piece ends with the opening quote, at which a string is read.
            json.at += piece.len() - 1;
            let span = json.string().ok()?;
            json.at -= 1;
            if hole == self.word {
                word = Some(span);
            }
        }
        (text.as_bytes()[json.at..] == last[..]).then_some(Mark {
            choice: self.choice,
            piece: spoken,
            span: word?,
        })
    }
}

fn is_string(text: &str, span: Span) -> bool {
    let bytes = text.as_bytes();
    span.start > 0 && bytes[span.start - 1] == b'"' && bytes.get(span.end) == Some(&b'"')
}
