//! What people and models said in a JSON request body.

use super::error::RedactError;
use super::kinds::Finding;
use super::redaction::Writer;
use crate::json::{Fault, Skimmed, Skimmer, Span};

/// Where text is, in the bodies of chat, completion, response and embedding calls.
const SAID: &[&str] = &[
    "messages",
    "input",
    "prompt",
    "suffix",
    "instructions",
    "system",
    "prediction",
    "documents",
    "query",
];

/// What stands among the text and is none: names of things, and binary data, which chance could make look like anything.
const NOT_TEXT: &[&str] = &[
    "role",
    "type",
    "id",
    "call_id",
    "tool_call_id",
    "model",
    "format",
    "detail",
    "media_type",
    "encrypted_content",
    "data",
    "file_data",
    "file_id",
    "image_url",
    "url",
    "signature",
    "thought_signature",
    "cache_control",
    "status",
];

/// Redacts what `find` finds in the texts of `body`.
pub(super) fn redact(
    find: impl Fn(&str) -> Vec<Finding>,
    body: &str,
    writer: &mut Writer<'_>,
) -> Result<String, RedactError> {
    let mut texts = Vec::new();
    let mut json = Skimmer::new(body);
    let read = json.members(|json, key| {
        let said = SAID.iter().any(|name| key.is(json.text, name));
        if said {
            gather(json, &mut texts, DEPTH)
        } else {
            json.skip()
        }
    });
    read.and_then(|()| json.end())
        .map_err(|Fault { at, what }| RedactError::Body(format!("{what} at byte {at}")))?;
    let mut out = String::with_capacity(body.len());
    let mut from = 0;
    for span in texts {
        if let Some(text) = literal(&find, body, span, writer) {
            out.push_str(&body[from..span.start]);
            out.push_str(&text);
            from = span.end;
        }
    }
    out.push_str(&body[from..]);
    Ok(out)
}

const DEPTH: u32 = 256;

/// Remembers every text in the value that begins here.
fn gather(json: &mut Skimmer<'_>, texts: &mut Vec<Span>, depth: u32) -> Skimmed<()> {
    match json.peek() {
        b'"' => {
            texts.push(json.string()?);
            Ok(())
        }
        b'{' | b'[' if depth == 0 => json.fault("nested too deeply"),
        b'{' => json.members(|json, key| {
            let text = !NOT_TEXT.iter().any(|name| key.is(json.text, name));
            if text {
                gather(json, texts, depth - 1)
            } else {
                json.skip()
            }
        }),
        b'[' => json.items(|json| gather(json, texts, depth - 1)),
        _ => json.skip(),
    }
}

/// The inside of the literal, redacted; `None` if there is nothing to redact.
fn literal(
    find: impl Fn(&str) -> Vec<Finding>,
    body: &str,
    span: Span,
    writer: &mut Writer<'_>,
) -> Option<String> {
    let raw = span.raw(body);
    if !span.escaped {
        let found = find(raw);
        return (!found.is_empty()).then(|| writer.replace(raw, &found, span.start));
    }
    let mut text = String::with_capacity(raw.len());
    span.unescape(body, &mut text);
    let found = find(&text);
    let mut out = String::new();
    let mut from = 0;
    for (finding, (start, end)) in found.iter().zip(places(raw, &found)) {
        out.push_str(&raw[from..start]);
        out.push_str(writer.placeholder(finding.kind, &text[finding.start..finding.end]));
        writer.report(finding.kind, span.start + start, span.start + end);
        from = end;
    }
    out.push_str(&raw[from..]);
    (!found.is_empty()).then_some(out)
}

/// Where in the escaped literal the findings of its text are.
fn places(raw: &str, found: &[Finding]) -> Vec<(usize, usize)> {
    let mut wanted = found
        .iter()
        .flat_map(|finding| [finding.start, finding.end])
        .peekable();
    let mut edges = Vec::with_capacity(found.len() * 2);
    let (mut at, mut plain) = (0, 0);
    let mut letter = String::new();
    loop {
        while wanted.next_if(|edge| *edge <= plain).is_some() {
            edges.push(at);
        }
        if at >= raw.len() {
            break;
        }
        let end = at + sign_length(&raw[at..]);
        letter.clear();
        Span {
            start: at,
            end,
            escaped: true,
        }
        .unescape(raw, &mut letter);
        plain += letter.len();
        at = end;
    }
    edges.chunks(2).map(|edge| (edge[0], edge[1])).collect()
}

/// The length of the first character or escape; a surrogate pair is one.
fn sign_length(raw: &str) -> usize {
    let bytes = raw.as_bytes();
    match bytes {
        [b'\\', b'u', ..] => {
            let unit = |at: usize| {
                raw.get(at..at + 4)
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                    .unwrap_or(0)
            };
            let high = (0xD800..0xDC00).contains(&unit(2));
            let pair =
                high && bytes.get(6..8) == Some(b"\\u") && (0xDC00..0xE000).contains(&unit(8));
            if pair { 12 } else { 6 }
        }
        [b'\\', ..] => 2,
        _ => raw.chars().next().map_or(1, char::len_utf8),
    }
}
