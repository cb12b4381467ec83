//! Where an OpenAI chunk or completion says what.

use std::ops::Range;

use super::skim::{Skimmed, Skimmer, Span};
use super::template::Template;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Text,
    Reasoning,
    Tool,
    Finish,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub choice: u64,
    pub kind: Kind,
    pub span: Span,
}

/// What one event says, as places in its JSON. Nothing is copied before the whole event has proved valid.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub list: Vec<Mark>,
    pub content: bool,
    pub usage: Option<Range<usize>>,
    pub error: Option<Range<usize>>,
    pub model: Option<Span>,
    /// A member named `choices` is there.
    pub choices: bool,
    /// OpenAI's `obfuscation`: random letters that hide how long the text is.
    padding: Option<Span>,
    /// There is content that has no text.
    matter: bool,
    template: Template,
}

impl Marks {
    /// Reads one event or body.
    pub fn read(&mut self, text: &str) -> Skimmed<()> {
        self.clear();
        if let Some(word) = self.template.read(text) {
            self.choices = true;
            self.content = self.template.matter || !word.span.is_empty();
            self.list.push(word);
            return Ok(());
        }
        let mut json = Skimmer::new(text);
        json.members(|json, key| self.top(json, key))?;
        json.end()?;
        self.content |= self.matter;
        if let ([open, word], None, None) = (&self.list[..], &self.usage, &self.error)
            && open.kind == Kind::Open
            && matches!(word.kind, Kind::Text | Kind::Reasoning | Kind::Tool)
        {
            self.template.learn(text, word, self.padding);
            self.template.matter = self.matter;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.list.clear();
        self.content = false;
        self.usage = None;
        self.error = None;
        self.model = None;
        self.padding = None;
        self.matter = false;
        self.choices = false;
    }

    fn top(&mut self, json: &mut Skimmer<'_>, key: Span) -> Skimmed<()> {
        match key.raw(json.text) {
            "choices" => {
                self.choices = true;
                if json.null()? {
                    return Ok(());
                }
                json.items(|json| self.choice(json))
            }
            "usage" => object(json, &mut self.usage),
            "error" => object(json, &mut self.error),
            "model" if json.peek() == b'"' => {
                let model = json.string()?;
                if !model.is_empty() {
                    self.model = Some(model);
                }
                Ok(())
            }
            "obfuscation" if json.peek() == b'"' => {
                self.padding = Some(json.string()?);
                Ok(())
            }
            // vLLM and Mistral: {"object": "error", "message": …}
            "object" if json.peek() == b'"' => {
                if json.string()?.is(json.text, "error") {
                    self.error = Some(0..json.text.len());
                }
                Ok(())
            }
            "x_groq" if json.peek() == b'{' => self.groq(json),
            _ => json.skip(),
        }
    }

    /// Groq reports usage here too, and only here where it was not asked for.
    fn groq(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        let mut usage = None;
        json.members(|json, key| match key.raw(json.text) {
            "usage" => object(json, &mut usage),
            _ => json.skip(),
        })?;
        self.usage = self.usage.take().or(usage);
        Ok(())
    }

    fn choice(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        let first = self.list.len();
        let mut index = 0;
        let here = Span {
            start: json.at,
            end: json.at,
            escaped: false,
        };
        self.list.push(Mark {
            choice: 0,
            kind: Kind::Open,
            span: here,
        });
        json.members(|json, key| match key.raw(json.text) {
            "index" => number(json, &mut index),
            "delta" | "message" => self.message(json),
            "text" => self.string(json, Kind::Text),
            "finish_reason" => self.string(json, Kind::Finish),
            // Moonshot reports usage here.
            "usage" => object(json, &mut self.usage),
            _ => json.skip(),
        })?;
        // Azure writes the index after the delta.
        if index != 0 {
            self.list[first..]
                .iter_mut()
                .for_each(|mark| mark.choice = index);
        }
        Ok(())
    }

    fn message(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        if json.null()? {
            return Ok(());
        }
        let mut thought: Option<Span> = None;
        json.members(|json, key| match key.raw(json.text) {
            "content" => self.parts(json, Kind::Text),
            "refusal" => self.string(json, Kind::Text),
            "reasoning_content" | "reasoning" if json.peek() == b'"' => {
                let span = json.string()?;
                // Some servers write the same thought under both names.
                if thought.is_none_or(|first| first.raw(json.text) != span.raw(json.text)) {
                    self.mark(Kind::Reasoning, span);
                }
                thought = Some(span);
                Ok(())
            }
            "tool_calls" if json.peek() == b'[' => json.items(|json| self.tool_call(json)),
            "function_call" if json.peek() == b'{' => self.function(json),
            "audio" if json.peek() == b'{' => self.audio(json),
            "images" | "annotations" | "reasoning_details" => self.matter(json),
            _ => json.skip(),
        })
    }

    fn mark(&mut self, kind: Kind, span: Span) {
        if !span.is_empty() {
            self.content |= kind != Kind::Finish;
            self.list.push(Mark {
                choice: 0,
                kind,
                span,
            });
        }
    }

    fn string(&mut self, json: &mut Skimmer<'_>, kind: Kind) -> Skimmed<()> {
        if json.peek() != b'"' {
            return json.skip();
        }
        let span = json.string()?;
        self.mark(kind, span);
        Ok(())
    }

    /// A text, or Mistral's list of texts and thoughts.
    fn parts(&mut self, json: &mut Skimmer<'_>, kind: Kind) -> Skimmed<()> {
        if json.peek() != b'[' {
            return self.string(json, kind);
        }
        json.items(|json| {
            if json.peek() != b'{' {
                return self.string(json, kind);
            }
            json.members(|json, key| match key.raw(json.text) {
                "text" => self.string(json, kind),
                "thinking" if kind == Kind::Text => self.parts(json, Kind::Reasoning),
                _ => json.skip(),
            })
        })
    }

    fn tool_call(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        self.matter = true;
        if json.peek() != b'{' {
            return json.skip();
        }
        json.members(|json, key| match key.raw(json.text) {
            "function" | "custom" if json.peek() == b'{' => self.function(json),
            _ => json.skip(),
        })
    }

    fn function(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        self.matter = true;
        let first = self.list.len();
        json.members(|json, key| match key.raw(json.text) {
            // Gemini writes the arguments before the name.
            "name" => {
                self.string(json, Kind::Tool)?;
                self.list[first..].reverse();
                Ok(())
            }
            "arguments" | "input" if matches!(json.peek(), b'{' | b'[') => {
                let start = json.at;
                json.skip()?;
                self.mark(
                    Kind::Tool,
                    Span {
                        start,
                        end: json.at,
                        escaped: false,
                    },
                );
                Ok(())
            }
            "arguments" | "input" => self.string(json, Kind::Tool),
            _ => json.skip(),
        })
    }

    fn audio(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        self.matter = true;
        json.members(|json, key| match key.raw(json.text) {
            "transcript" => self.string(json, Kind::Text),
            _ => json.skip(),
        })
    }

    /// Content of a kind that has no text: there unless null or empty.
    fn matter(&mut self, json: &mut Skimmer<'_>) -> Skimmed<()> {
        let bracket = matches!(json.peek(), b'[' | b'{');
        let start = json.at;
        json.skip()?;
        self.matter |= bracket && json.at - start > 2;
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

fn number(json: &mut Skimmer<'_>, value: &mut u64) -> Skimmed<()> {
    json.peek();
    let start = json.at;
    json.skip()?;
    *value = json.text[start..json.at].parse().unwrap_or(0);
    Ok(())
}
