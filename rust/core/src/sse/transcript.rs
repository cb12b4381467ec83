//! What a provider has said so far.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::failure::brief;
use super::marks::{Mark, Marks, Piece};
use crate::json::Span;

/// Finish reasons of a model that said all it meant to, or all it might: OpenAI's, Mistral's `model_length` (the context
/// is full) and Together's `eos`, which their references list. A failure has many names (`error`, `abort`, `SAFETY`,
/// `insufficient_system_resource`), so whatever is not listed is one.
pub const PROPER: [&str; 6] = [
    "stop",
    "length",
    "tool_calls",
    "function_call",
    "model_length",
    "eos",
];
const FILTERED: &str = "content_filter";

/// Choices that are followed. An answer with more is incomplete.
const MOST_CHOICES: usize = 1 << 16;
/// Bytes of a finish reason, a model's name and a usage object that are believed.
const LONGEST_REASON: usize = 64;
const LONGEST_MODEL: usize = 256;
const LONGEST_USAGE: usize = 64 << 10;

/// An answer in the making, over all its choices.
#[derive(Debug, Default)]
pub struct Transcript {
    choices: BTreeMap<u64, Choice>,
    embeddings: u64,
    finish: Option<String>,
    filtered: bool,
    failed: bool,
    usage: Option<Box<[u8]>>,
    error: Option<Box<[u8]>>,
    model: Option<String>,
    /// Bytes that may yet be held.
    room: usize,
    size: u64,
}

#[derive(Debug, Default)]
struct Choice {
    text: String,
    reasoning: String,
    tools: String,
    finished: bool,
}

impl Transcript {
    /// Holds the first `room` bytes of what is generated, and measures the rest.
    pub(super) fn holding(room: usize) -> Self {
        Transcript {
            room,
            ..Transcript::default()
        }
    }

    /// Visible text, refusals included, choice after choice.
    pub fn text(&self) -> String {
        self.choices
            .values()
            .map(|choice| choice.text.as_str())
            .collect()
    }

    /// Thoughts that the provider shows.
    pub fn reasoning(&self) -> String {
        self.choices
            .values()
            .map(|choice| choice.reasoning.as_str())
            .collect()
    }

    /// Names and arguments of tool calls.
    pub fn tools(&self) -> String {
        self.choices
            .values()
            .map(|choice| choice.tools.as_str())
            .collect()
    }

    /// Everything that the model generated: what a hang-up is billed from.
    pub fn generated(&self) -> String {
        self.choices
            .values()
            .flat_map(|c| [c.reasoning.as_str(), c.text.as_str(), c.tools.as_str()])
            .collect()
    }

    /// Bytes that the model generated, those that are not held included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The last finish reason.
    pub fn finish(&self) -> Option<&str> {
        self.finish.as_deref()
    }

    /// The provider's filter cut a choice short, whichever it was.
    pub fn filtered(&self) -> bool {
        self.filtered
    }

    /// Choices that began.
    pub fn choices(&self) -> usize {
        self.choices.len()
    }

    /// Choices that finished, properly or not.
    pub fn finished(&self) -> usize {
        self.choices
            .values()
            .filter(|choice| choice.finished)
            .count()
    }

    /// The last usage object, as JSON.
    pub fn usage(&self) -> Option<&[u8]> {
        self.usage.as_deref()
    }

    /// The first error, as JSON of at most 8 KiB.
    pub fn error(&self) -> Option<&[u8]> {
        self.error.as_deref()
    }

    /// The model that the provider names.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Every choice that began has finished.
    pub(super) fn all_finished(&self) -> bool {
        self.choices.values().all(|choice| choice.finished)
    }

    /// At least `n` choices (or embeddings) are there, every one that began has finished, and none improperly.
    pub(super) fn complete(&self, n: u64) -> bool {
        let sound = self.error.is_none() && !self.failed;
        let enough = |there: u64| there >= n.max(1);
        sound
            && (enough(self.embeddings)
                || (self.all_finished() && enough(self.choices.len() as u64)))
    }

    /// Takes in one valid event.
    pub(super) fn take(&mut self, json: &str, marks: &Marks) {
        self.failed |= marks.odd;
        self.embeddings = self.embeddings.max(marks.embeddings);
        for mark in &marks.list {
            self.hear(json, mark);
        }
        if let Some(usage) = &marks.usage
            && usage.len() <= LONGEST_USAGE
        {
            self.usage = Some(json.as_bytes()[usage.clone()].into());
        }
        if let (Some(error), None) = (&marks.error, &self.error) {
            self.error = Some(brief(&json[error.clone()]));
        }
        if let Some(model) = marks.model.map(|model| model.cut(json, LONGEST_MODEL))
            && !self.model().is_some_and(|known| model.is(json, known))
        {
            let mut name = String::new();
            model.unescape(json, &mut name);
            self.model = Some(name);
        }
    }

    #[inline]
    fn hear(&mut self, json: &str, mark: &Mark) {
        let full = self.choices.len() == MOST_CHOICES;
        let choice = match self.choices.entry(mark.choice) {
            Entry::Vacant(_) if full => {
                self.failed = true;
                return;
            }
            entry => entry.or_default(),
        };
        let out = match mark.piece {
            Piece::Open => return,
            Piece::Text => &mut choice.text,
            Piece::Reasoning => &mut choice.reasoning,
            Piece::Tool => &mut choice.tools,
            Piece::Finish => {
                choice.finished = true;
                return self.finish_with(json, mark.span);
            }
        };
        let span = mark.span;
        if span.end - span.start > self.room {
            let held = span.cut(json, self.room);
            held.unescape(json, out);
            out.shrink_to_fit();
            self.room = 0;
            self.size += span.length(json) as u64;
            return;
        }
        let before = out.len();
        span.unescape(json, out);
        let more = out.len() - before;
        self.room -= more;
        self.size += more as u64;
    }

    fn finish_with(&mut self, json: &str, reason: Span) {
        let mut said = String::new();
        reason.cut(json, LONGEST_REASON).unescape(json, &mut said);
        self.filtered |= said == FILTERED;
        self.failed |= said != FILTERED && !PROPER.contains(&said.as_str());
        self.finish = Some(said);
    }
}
