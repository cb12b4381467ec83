//! What to look for.

use regex::Regex;

use super::error::RedactError;
use super::kinds::{EMAIL, Finding, IP, KINDS, SECRET};
use super::number::{self, Number};
use super::pattern::compile;
use super::redaction::{Redaction, Writer};
use super::secret::Secrets;
use super::{body, email, ip};

impl Number {
    fn kind(self) -> usize {
        match self {
            Number::Phone => 1,
            Number::Card => 2,
            Number::Iban => 3,
            Number::Identity => 4,
            Number::Ip => IP,
        }
    }
}

/// What to look for, and whether to keep it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Built-in kinds; all of them if `None`.
    pub kinds: Option<Vec<String>>,
    /// Names and regular expressions of kinds of one's own.
    pub patterns: Vec<(String, String)>,
    /// Keep the values, so that they can be restored.
    pub reversible: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            kinds: None,
            patterns: Vec::new(),
            reversible: true,
        }
    }
}

/// Finds personal data and secrets. It remembers nothing of the texts it sees.
#[derive(Debug)]
pub struct Redactor {
    wanted: [bool; KINDS.len()],
    names: Vec<String>,
    patterns: Vec<Regex>,
    secrets: Secrets,
    reversible: bool,
}

impl Redactor {
    pub fn new(options: Options) -> Result<Self, RedactError> {
        let mut wanted = [options.kinds.is_none(); KINDS.len()];
        for kind in options.kinds.into_iter().flatten() {
            match KINDS.iter().position(|known| *known == kind) {
                Some(place) => wanted[place] = true,
                None => return Err(RedactError::Kind(kind)),
            }
        }
        let mut names: Vec<String> = KINDS.map(str::to_owned).to_vec();
        let mut patterns = Vec::new();
        for (name, pattern) in options.patterns {
            patterns.push(compile(&name, &pattern)?);
            if !nameable(&name) {
                return Err(RedactError::Name(name));
            }
            if names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                return Err(RedactError::Taken(name));
            }
            names.push(name);
        }
        Ok(Redactor {
            wanted,
            names,
            patterns,
            secrets: Secrets::new(),
            reversible: options.reversible,
        })
    }

    /// Puts placeholders in the place of all that is found in `text`.
    pub fn redact(&self, text: &str) -> Redaction {
        let mut writer = Writer::new(&self.names, self.reversible, text);
        let found = self.find(text);
        let redacted = writer.replace(text, &found, 0);
        writer.finish(redacted)
    }

    /// The same for what people and models said in a JSON request body; all other bytes stay as they are.
    pub fn redact_body(&self, body: &str) -> Result<Redaction, RedactError> {
        let mut writer = Writer::new(&self.names, self.reversible, body);
        let redacted = body::redact(|text| self.find(text), body, &mut writer)?;
        Ok(writer.finish(redacted))
    }

    /// All findings, in order; none overlap.
    fn find(&self, text: &str) -> Vec<Finding> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        let mut add = |kind: usize, start: usize, end: usize| {
            if kind >= KINDS.len() || self.wanted[kind] {
                found.push(Finding { kind, start, end });
            }
        };
        if self.wanted[EMAIL] {
            email::emails(bytes, |start, end| add(EMAIL, start, end));
        }
        if self.wanted[1..=IP].contains(&true) {
            number::numbers(bytes, |number, start, end| add(number.kind(), start, end));
        }
        if self.wanted[IP] {
            ip::addresses(text, |start, end| add(IP, start, end));
        }
        if self.wanted[SECRET] {
            self.secrets
                .find(bytes, |start, end| add(SECRET, start, end));
        }
        for (place, pattern) in self.patterns.iter().enumerate() {
            let matches = pattern.find_iter(text).filter(|found| !found.is_empty());
            matches.for_each(|found| add(KINDS.len() + place, found.start(), found.end()));
        }
        merged(found)
    }
}

/// Where findings overlap, all of it goes, under the name of the longest.
fn merged(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_unstable_by_key(|finding| (finding.start, std::cmp::Reverse(finding.end)));
    let mut apart: Vec<Finding> = Vec::with_capacity(found.len());
    let mut longest = 0;
    for finding in found {
        let length = finding.end - finding.start;
        match apart.last_mut().filter(|last| finding.start < last.end) {
            Some(last) => {
                last.end = last.end.max(finding.end);
                if length > longest {
                    (last.kind, longest) = (finding.kind, length);
                }
            }
            None => {
                apart.push(finding);
                longest = length;
            }
        }
    }
    apart
}

fn nameable(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inside = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let ends = [bytes.first(), bytes.last()]
        .iter()
        .all(|byte| byte.is_some_and(u8::is_ascii_alphabetic));
    inside && ends && name.len() <= 40
}
