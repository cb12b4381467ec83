//! A redacted text, and the way back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::RedactError;
use super::kinds::Finding;
use super::restorer::{Restorer, Values};

/// One text without what was found in it.
#[derive(Debug)]
pub struct Redaction {
    text: String,
    findings: Vec<(String, usize, usize)>,
    values: Option<Arc<Values>>,
}

impl Redaction {
    /// The text with placeholders.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Kind and place of everything found, in bytes of the original.
    pub fn findings(&self) -> &[(String, usize, usize)] {
        &self.findings
    }

    /// `answer` with the values in place of their placeholders.
    pub fn restore(&self, answer: &str) -> Result<String, RedactError> {
        let mut restorer = self.restorer()?;
        let mut restored = restorer.feed(answer);
        restored.push_str(&restorer.end());
        Ok(restored)
    }

    /// The same for an answer that comes in pieces.
    pub fn restorer(&self) -> Result<Restorer, RedactError> {
        let values = self.values.as_ref().ok_or(RedactError::Irreversible)?;
        Ok(Restorer::new(Arc::clone(values)))
    }
}

/// Writes placeholders: one for each value, and none that the original has already.
pub(super) struct Writer<'n> {
    names: &'n [String],
    reversible: bool,
    taken: HashSet<String>,
    counts: Vec<u32>,
    known: HashMap<(usize, String), String>,
    findings: Vec<(String, usize, usize)>,
}

impl<'n> Writer<'n> {
    pub fn new(names: &'n [String], reversible: bool, original: &str) -> Self {
        let taken = placeholders(original).map(str::to_owned).collect();
        let counts = vec![0; names.len()];
        Writer {
            names,
            reversible,
            taken,
            counts,
            known: HashMap::new(),
            findings: Vec::new(),
        }
    }

    /// `text` with placeholders; `at` is where it stands in the original.
    pub fn replace(&mut self, text: &str, found: &[Finding], at: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for finding in found {
            out.push_str(&text[from..finding.start]);
            out.push_str(self.placeholder(finding.kind, &text[finding.start..finding.end]));
            self.report(finding.kind, at + finding.start, at + finding.end);
            from = finding.end;
        }
        out.push_str(&text[from..]);
        out
    }

    /// Notes what was found where in the original.
    pub fn report(&mut self, kind: usize, start: usize, end: usize) {
        self.findings.push((self.names[kind].clone(), start, end));
    }

    pub fn placeholder(&mut self, kind: usize, value: &str) -> &str {
        let Writer {
            names,
            taken,
            counts,
            known,
            ..
        } = self;
        known.entry((kind, value.to_owned())).or_insert_with(|| {
            loop {
                counts[kind] += 1;
                let placeholder =
                    format!("[{}_{}]", names[kind].to_ascii_uppercase(), counts[kind]);
                if !taken.contains(&placeholder) {
                    return placeholder;
                }
            }
        })
    }

    pub fn finish(self, text: String) -> Redaction {
        let kept = || {
            self.known
                .into_iter()
                .map(|((_, value), placeholder)| (placeholder, value))
                .collect()
        };
        let values = self.reversible.then(|| Arc::new(kept()));
        Redaction {
            text,
            findings: self.findings,
            values,
        }
    }
}

/// What looks like a placeholder.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let inside = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    memchr::memchr_iter(b'[', text.as_bytes()).filter_map(move |open| {
        let length = text.as_bytes()[open + 1..]
            .iter()
            .take_while(|byte| inside(byte))
            .count();
        let close = open + 1 + length;
        (text.as_bytes().get(close) == Some(&b']')).then(|| &text[open..=close])
    })
}
