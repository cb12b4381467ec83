//! What a provider has said so far.

use std::collections::BTreeMap;

use super::completion::{Kind, Marks};

/// An answer in the making, over all its choices.
#[derive(Debug, Default)]
pub struct Transcript {
    choices: BTreeMap<u64, Choice>,
    finish: Option<String>,
    filtered: bool,
    failed: bool,
    usage: Option<Box<[u8]>>,
    error: Option<Box<[u8]>>,
    model: Option<String>,
}

#[derive(Debug, Default)]
struct Choice {
    text: String,
    reasoning: String,
    tools: String,
    finished: bool,
}

impl Transcript {
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

    /// Choices that finished.
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

    /// The first error, as JSON.
    pub fn error(&self) -> Option<&[u8]> {
        self.error.as_deref()
    }

    /// The model that the provider names.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Every choice that began has finished, none by an error.
    pub fn complete(&self) -> bool {
        let failed = self.error.is_some() || self.failed;
        !failed && !self.choices.is_empty() && self.choices.values().all(|choice| choice.finished)
    }

    /// Takes in one valid event.
    pub(super) fn take(&mut self, json: &str, marks: &Marks) {
        for mark in &marks.list {
            let choice = self.choices.entry(mark.choice).or_default();
            match mark.kind {
                Kind::Open => {}
                Kind::Text => mark.span.unescape(json, &mut choice.text),
                Kind::Reasoning => mark.span.unescape(json, &mut choice.reasoning),
                Kind::Tool => mark.span.unescape(json, &mut choice.tools),
                Kind::Finish => {
                    choice.finished = true;
                    let mut reason = String::new();
                    mark.span.unescape(json, &mut reason);
                    self.filtered |= reason == "content_filter";
                    self.failed |= reason == "error";
                    self.finish = Some(reason);
                }
            }
        }
        if let Some(usage) = &marks.usage {
            self.usage = Some(json.as_bytes()[usage.clone()].into());
        }
        if let (Some(error), None) = (&marks.error, &self.error) {
            self.error = Some(json.as_bytes()[error.clone()].into());
        }
        if let Some(model) = marks
            .model
            .filter(|model| !self.model().is_some_and(|known| model.is(json, known)))
        {
            let mut name = String::new();
            model.unescape(json, &mut name);
            self.model = Some(name);
        }
    }
}
