//! The body with the few changes that a gateway makes, everything else byte for byte.

use std::borrow::Cow;

use super::parser::Parser;
use super::request::Outline;
use super::scratch::{Scratch, Span};

struct Edit<'a> {
    span: Span,
    text: Cow<'a, str>,
}

/// Replaces the model, if given, asks for usage in the member `stream_options`, if given and not asked yet, and cuts
/// `cache` out.
pub(super) fn splice<'a>(
    body: &'a [u8],
    outline: &Outline,
    model: Option<&str>,
    stream_options: Option<&str>,
) -> Cow<'a, [u8]> {
    let mut edits = Vec::new();
    if outline.cache_cut != Span::default() {
        edits.push(Edit {
            span: outline.cache_cut,
            text: "".into(),
        });
    }
    if let Some(model) = model {
        edits.push(Edit {
            span: outline.model,
            text: quoted(model).into(),
        });
    }
    if let Some(name) = stream_options
        && outline.stream
        && !outline.include_usage
    {
        edits.push(usage(body, outline, name));
    }
    if edits.is_empty() {
        return Cow::Borrowed(body);
    }
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut spliced =
        Vec::with_capacity(body.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        spliced.extend_from_slice(&body[at..edit.span.start as usize]);
        spliced.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end as usize;
    }
    spliced.extend_from_slice(&body[at..]);
    Cow::Owned(spliced)
}

/// Turns `include_usage` on: in its place, in the object that is there, or in a new one of that name.
fn usage(body: &[u8], outline: &Outline, name: &str) -> Edit<'static> {
    let Some(options) = outline.stream_options else {
        let text = format!(r#"{}:{{"include_usage":true}},"#, quoted(name)).into();
        return Edit {
            span: Span {
                start: outline.head,
                end: outline.head,
            },
            text,
        };
    };
    if options.of(body).starts_with(b"n") {
        return Edit {
            span: options,
            text: r#"{"include_usage":true}"#.into(),
        };
    }
    let mut scratch = Scratch::default();
    let mut parser = Parser::new(body, options.start as usize, &mut scratch, usize::MAX);
    let base = parser
        .members(|parser, _| parser.value())
        .expect("the object was read before");
    if let Some(value) = scratch.find(base, b"include_usage") {
        return Edit {
            span: value.value.span,
            text: "true".into(),
        };
    }
    let comma = if scratch.members.is_empty() { "" } else { "," };
    let start = options.start + 1;
    Edit {
        span: Span { start, end: start },
        text: format!(r#""include_usage":true{comma}"#).into(),
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..='\x1F' => quoted.push_str(&format!("\\u{:04x}", character as u32)),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
