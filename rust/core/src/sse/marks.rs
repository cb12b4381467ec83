//! What one event says, as places in its JSON.

use std::ops::Range;

use crate::json::Span;

/// Pieces that are taken from one event. Past that an answer cannot be told from an attack, and is incomplete.
const MOST_PIECES: usize = 1 << 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Open,
    Text,
    Reasoning,
    Tool,
    Finish,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub choice: u64,
    pub piece: Piece,
    pub span: Span,
}

/// What one event says. Nothing is copied before the whole event has proved valid.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub list: Vec<Mark>,
    pub content: bool,
    pub usage: Option<Range<usize>>,
    pub error: Option<Range<usize>>,
    pub model: Option<Span>,
    /// The member that an answer of this kind has is there.
    pub answers: bool,
    /// Embeddings in the answer.
    pub embeddings: u64,
    /// Something is there that nothing can be made of: an index that is no index, too many pieces.
    pub odd: bool,
    /// OpenAI's `obfuscation`: random letters that hide how long the text is.
    pub padding: Option<Span>,
    /// There is content that has no text.
    pub matter: bool,
}

impl Marks {
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.content = false;
        self.usage = None;
        self.error = None;
        self.model = None;
        self.padding = None;
        self.matter = false;
        self.answers = false;
        self.embeddings = 0;
        self.odd = false;
    }

    #[inline]
    pub fn mark(&mut self, piece: Piece, span: Span) {
        if !span.is_empty() {
            self.content |= piece != Piece::Finish;
            self.push(piece, span);
        }
    }

    #[inline]
    pub fn push(&mut self, piece: Piece, span: Span) {
        if self.list.len() == MOST_PIECES {
            self.odd = true;
            return;
        }
        self.list.push(Mark {
            choice: 0,
            piece,
            span,
        });
    }
}
