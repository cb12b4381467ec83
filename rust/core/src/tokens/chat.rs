//! Prompt tokens of a chat-completions body: the words, and what the family's template puts around them.

use super::image::Picture;
use super::tally::Tally;
use super::tools::{self, Tool};
use super::vocabulary::Vocabulary;
use crate::json::{Malformed, Reader};
use crate::tokens::family::{Template, Tools};
use std::borrow::Cow;

type Result<T> = std::result::Result<T, Malformed>;

/// OpenAI writes 9 tokens around the namespace of its tools, and joins each declaration to the next with one less.
const NAMESPACE: u64 = 9;
/// A call in an assistant message: its frame beside the function's name and arguments.
const CALL: u64 = 6;
/// Bytes of a file or a sound per token, where neither can be looked into.
const OPAQUE_BYTES: u64 = 100;

/// Counts one body; `words` are in the vocabulary's tokens, `fixed` in the provider's own.
pub(super) struct Counter {
    vocabulary: Vocabulary,
    words: Tally,
    fixed: u64,
    has_system: bool,
}

impl Counter {
    pub fn new(vocabulary: Vocabulary, limit: usize) -> Self {
        Self {
            vocabulary,
            words: Tally::new(vocabulary, limit),
            fixed: 0,
            has_system: false,
        }
    }

    pub fn body(mut self, body: &[u8]) -> Result<u64> {
        let mut reader = Reader::new(body);
        if !reader.is_object() {
            return Err(Malformed { at: 0 });
        }
        reader.members(|key, value| match key {
            "messages" => self.messages(value),
            "tools" | "functions" => self.tools(value),
            "response_format" => self.response_format(value),
            "system" => self.message("system", value),
            _ => Ok(()),
        })?;
        if reader.peek() != 0 {
            return Err(Malformed { at: body.len() });
        }
        let template = self.template();
        self.fixed += template.start + template.reply;
        if !self.has_system {
            self.fixed += template.default_system;
        }
        Ok(self.vocabulary.scale(self.words.total()) + self.fixed)
    }

    fn template(&self) -> Template {
        self.vocabulary.family.template
    }

    fn text(&mut self, text: &str) {
        self.words.text(text);
    }

    fn string(&mut self, raw: &[u8]) -> Result<()> {
        let mut reader = Reader::new(raw);
        if reader.is_string() {
            self.text(&reader.string()?);
        }
        Ok(())
    }

    fn messages(&mut self, raw: &[u8]) -> Result<()> {
        let mut reader = Reader::new(raw);
        if !reader.is_array() {
            return Ok(());
        }
        reader.items(|message| {
            if !Reader::new(message).is_object() {
                return Ok(());
            }
            let (mut role, mut content): (Cow<'_, str>, &[u8]) = (Cow::Borrowed(""), b"");
            Reader::new(message).members(|key, value| {
                match key {
                    "role" => role = string(value)?,
                    "content" => content = value,
                    "refusal" => self.string(value)?,
                    "name" if Reader::new(value).is_string() => {
                        self.fixed += 1;
                        self.string(value)?;
                    }
                    "tool_calls" => self.items(value, Self::call)?,
                    "function_call" => self.call(value)?,
                    _ => {}
                }
                Ok(())
            })?;
            self.message(&role, content)
        })
    }

    fn message(&mut self, role: &str, content: &[u8]) -> Result<()> {
        let template = self.template();
        self.fixed += match role {
            "system" | "developer" => {
                self.has_system = true;
                template.system
            }
            "assistant" => template.assistant,
            _ => template.user,
        };
        match Reader::new(content).peek() {
            b'[' => self.items(content, Self::part),
            _ => self.string(content),
        }
    }

    fn items<'a>(
        &mut self,
        raw: &'a [u8],
        mut count: impl FnMut(&mut Self, &'a [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut reader = Reader::new(raw);
        if !reader.is_array() {
            return Ok(());
        }
        reader.items(|item| count(self, item))
    }

    fn part(&mut self, raw: &[u8]) -> Result<()> {
        if !Reader::new(raw).is_object() {
            return self.string(raw);
        }
        Reader::new(raw).members(|key, value| match key {
            "text" | "refusal" => self.string(value),
            "image_url" => self.picture(value),
            "thinking" | "content" if Reader::new(value).is_array() => {
                self.items(value, Self::part)
            }
            "thinking" | "content" => self.string(value),
            "input_audio" | "file" => {
                self.fixed += (value.len() as u64).div_ceil(OPAQUE_BYTES);
                Ok(())
            }
            _ => Ok(()),
        })
    }

    fn picture(&mut self, raw: &[u8]) -> Result<()> {
        let mut picture = Picture::default();
        let mut reader = Reader::new(raw);
        if reader.is_string() {
            picture.url = reader.string()?;
        } else if reader.is_object() {
            reader.members(|key, value| {
                match key {
                    "url" => picture.url = string(value)?,
                    "detail" => picture.detail = string(value)?,
                    _ => {}
                }
                Ok(())
            })?;
        }
        self.fixed += self
            .vocabulary
            .family
            .image
            .tokens(&picture.url, &picture.detail);
        Ok(())
    }

    fn call(&mut self, raw: &[u8]) -> Result<()> {
        if !Reader::new(raw).is_object() {
            return Ok(());
        }
        Reader::new(raw).members(|key, value| match key {
            "function" | "custom" => {
                self.fixed += CALL;
                self.call(value)
            }
            "name" | "arguments" | "input" => self.string(value),
            _ => Ok(()),
        })
    }

    fn tools(&mut self, raw: &[u8]) -> Result<()> {
        let mut declared = Vec::new();
        self.items(raw, |_, item| {
            if Reader::new(item).is_object() {
                declared.push(Tool::read(item)?);
            }
            Ok(())
        })?;
        if declared.is_empty() {
            return Ok(());
        }
        match self.template().tools {
            Tools::TypeScript => {
                self.text(&tools::typescript(&declared)?);
                self.words.words += NAMESPACE;
                self.words.words -= (declared.len() as u64).min(self.words.words);
            }
            Tools::Json { around } => {
                self.fixed += around;
                self.text(&String::from_utf8_lossy(raw));
            }
        }
        Ok(())
    }

    /// OpenAI puts the schema of a structured answer into the prompt as it was sent.
    fn response_format(&mut self, raw: &[u8]) -> Result<()> {
        let mut reader = Reader::new(raw);
        if !reader.is_object() {
            return Ok(());
        }
        reader.members(|key, value| match key {
            "json_schema" => self.response_format(value),
            "schema" => {
                self.text(&String::from_utf8_lossy(value));
                Ok(())
            }
            _ => Ok(()),
        })
    }
}

fn string(raw: &[u8]) -> Result<Cow<'_, str>> {
    let mut reader = Reader::new(raw);
    if reader.is_string() {
        reader.string()
    } else {
        Ok(Cow::Borrowed(""))
    }
}
