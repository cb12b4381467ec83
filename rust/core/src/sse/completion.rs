//! Where an OpenAI chunk or completion says what.

use std::ops::Range;

use super::marks::{Marks, Piece};
use super::message::{message, once, string, unknown};
use super::options::Kind;
use super::template::Template;
use crate::json::{Skimmed, Skimmer, Span};

/// Reads the events of one answer, or its body.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What the last one said.
    pub marks: Marks,
    kind: Kind,
    template: Template,
}

impl Reader {
    /// For answers of one kind.
    pub fn of(kind: Kind) -> Self {
        Reader {
            kind,
            ..Reader::default()
        }
    }

    /// Reads one event or body.
    pub fn read(&mut self, text: &str) -> Skimmed<()> {
        self.marks.clear();
        if let Some(word) = self.template.read(text) {
            self.marks.answers = true;
            self.marks.content = self.template.matter || !word.span.is_empty();
            self.marks.list.push(word);
            return Ok(());
        }
        let mut json = Skimmer::new(text);
        json.members(|json, key| self.top(json, key))?;
        json.end()?;
        self.marks.content |= self.marks.matter;
        if let ([open, word], None, None) =
            (&self.marks.list[..], &self.marks.usage, &self.marks.error)
            && open.piece == Piece::Open
            && matches!(word.piece, Piece::Text | Piece::Reasoning | Piece::Tool)
        {
            self.template.learn(text, word, self.marks.padding);
            self.template.matter = self.marks.matter;
        }
        Ok(())
    }

    fn top(&mut self, json: &mut Skimmer<'_>, key: Span) -> Skimmed<()> {
        match key.raw(json.text) {
            "data" if self.kind == Kind::Embeddings && json.peek() == b'[' => self.data(json),
            "choices" if self.kind != Kind::Embeddings => {
                once(&mut self.marks.answers, json)?;
                if json.null()? {
                    return Ok(());
                }
                json.items(|json| self.choice(json))
            }
            "usage" => object(json, &mut self.marks.usage),
            "error" => object(json, &mut self.marks.error),
            "model" if json.peek() == b'"' => {
                let model = json.string()?;
                if !model.is_empty() {
                    self.marks.model = Some(model);
                }
                Ok(())
            }
            "obfuscation" if json.peek() == b'"' => {
                self.marks.padding = Some(json.string()?);
                Ok(())
            }
            // vLLM and Mistral: {"object": "error", "message": …}
            "object" if json.peek() == b'"' => {
                if json.string()?.is(json.text, "error") {
                    self.marks.error = Some(0..json.text.len());
                }
                Ok(())
            }
            "x_groq" if json.peek() == b'{' => self.groq(json),
            _ => unknown(json, key, &["choices", "data"]),
        }
    }

    fn data(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        once(&mut self.marks.answers, json)?;
        json.items(|json| {
            self.marks.embeddings += 1;
            self.marks.matter = true;
            json.skip()
        })
    }

    /// Groq reports usage here too, and only here where it was not asked for.
    fn groq(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        let mut usage = None;
        json.members(|json, key| match key.raw(json.text) {
            "usage" => object(json, &mut usage),
            _ => json.skip(),
        })?;
        self.marks.usage = self.marks.usage.take().or(usage);
        Ok(())
    }

    fn choice(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        let first = self.marks.list.len();
        let mut index = 0;
        let here = Span {
            start: json.at,
            end: json.at,
            escaped: false,
        };
        self.marks.push(Piece::Open, here);
        let (mut delta, mut whole, mut text) = (false, false, false);
        json.members(|json, key| match key.raw(json.text) {
            "index" => self.index(json, &mut index),
            "delta" => once(&mut delta, json).and_then(|()| message(&mut self.marks, json)),
            "message" => once(&mut whole, json).and_then(|()| message(&mut self.marks, json)),
            "text" => {
                once(&mut text, json).and_then(|()| string(&mut self.marks, json, Piece::Text))
            }
            "finish_reason" => string(&mut self.marks, json, Piece::Finish),
            // Moonshot reports usage here.
            "usage" => object(json, &mut self.marks.usage),
            _ => unknown(json, key, &["delta", "message", "text"]),
        })?;
        // Azure writes the index after the delta.
        if index != 0 {
            self.marks.list[first..]
                .iter_mut()
                .for_each(|mark| mark.choice = index);
        }
        Ok(())
    }

    /// An index names a choice. It never sizes anything.
    fn index(&mut self, json: &mut Skimmer<'_>, index: &mut u64) -> Skimmed<()> {
        json.peek();
        let start = json.at;
        json.skip()?;
        let named = &json.text[start..json.at];
        match named.parse() {
            Ok(number) => *index = number,
            Err(_) => self.marks.odd |= named != "null",
        }
        Ok(())
    }
}

/// Remembers where a value stands, unless it is null.
fn object(json: &mut Skimmer<'_>, place: &mut Option<Range<usize>>) -> Skimmed<()> {
    if json.null()? {
        return Ok(());
    }
    json.peek();
    let start = json.at;
    json.skip()?;
    *place = Some(start..json.at);
    Ok(())
}
