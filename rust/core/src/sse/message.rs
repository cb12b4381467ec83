//! Where a message, or a delta of one, says what.

use super::marks::{Marks, Piece};
use crate::json::{Skimmed, Skimmer, Span};

pub(super) fn message(marks: &mut Marks, json: &mut Skimmer<'_>) -> Skimmed<()> {
    if json.null()? {
        return Ok(());
    }
    let (mut thought, mut content): (Option<Span>, bool) = (None, false);
    json.members(|json, key| match key.raw(json.text) {
        "content" => once(&mut content, json).and_then(|()| parts(marks, json, Piece::Text)),
        "refusal" => string(marks, json, Piece::Text),
        "reasoning_content" | "reasoning" if json.peek() == b'"' => {
            let span = json.string()?;
            // Some servers write the same thought under both names.
            if thought.is_none_or(|first| first.raw(json.text) != span.raw(json.text)) {
                marks.mark(Piece::Reasoning, span);
            }
            thought = Some(span);
            Ok(())
        }
        "tool_calls" if json.peek() == b'[' => json.items(|json| tool_call(marks, json)),
        "function_call" if json.peek() == b'{' => function(marks, json),
        "audio" if json.peek() == b'{' => audio(marks, json),
        "images" | "annotations" | "reasoning_details" => matter(marks, json),
        _ => unknown(json, key, &["content"]),
    })
}

/// Refuses a member that holds the answer twice: we would count the one, and clients read the other.
#[inline]
pub(super) fn once(seen: &mut bool, json: &Skimmer<'_>) -> Skimmed<()> {
    if std::mem::replace(seen, true) {
        return json.fault("a member stands there twice");
    }
    Ok(())
}

/// Skips a member, unless it is one of these in disguise.
#[inline]
pub(super) fn unknown(json: &mut Skimmer<'_>, key: Span, known: &[&str]) -> Skimmed<()> {
    if key.escaped && known.iter().any(|name| key.is(json.text, name)) {
        return json.fault("a member's name is spelled with escapes");
    }
    json.skip()
}

#[inline]
pub(super) fn string(marks: &mut Marks, json: &mut Skimmer<'_>, piece: Piece) -> Skimmed<()> {
    if json.peek() != b'"' {
        return json.skip();
    }
    let span = json.string()?;
    marks.mark(piece, span);
    Ok(())
}

/// A text, or Mistral's list of texts and thoughts.
fn parts(marks: &mut Marks, json: &mut Skimmer<'_>, piece: Piece) -> Skimmed<()> {
    if json.peek() != b'[' {
        return string(marks, json, piece);
    }
    json.items(|json| {
        if json.peek() != b'{' {
            return string(marks, json, piece);
        }
        json.members(|json, key| match key.raw(json.text) {
            "text" => string(marks, json, piece),
            "thinking" if piece == Piece::Text => parts(marks, json, Piece::Reasoning),
            _ => json.skip(),
        })
    })
}

fn tool_call(marks: &mut Marks, json: &mut Skimmer<'_>) -> Skimmed<()> {
    marks.matter = true;
    if json.peek() != b'{' {
        return json.skip();
    }
    json.members(|json, key| match key.raw(json.text) {
        "function" | "custom" if json.peek() == b'{' => function(marks, json),
        _ => json.skip(),
    })
}

fn function(marks: &mut Marks, json: &mut Skimmer<'_>) -> Skimmed<()> {
    marks.matter = true;
    let first = marks.list.len();
    json.members(|json, key| match key.raw(json.text) {
        // Gemini writes the arguments before the name.
        "name" => {
            string(marks, json, Piece::Tool)?;
            if let [_, _] = marks.list[first..] {
                marks.list[first..].reverse();
            }
            Ok(())
        }
        "arguments" | "input" if matches!(json.peek(), b'{' | b'[') => {
            let start = json.at;
            json.skip()?;
            marks.mark(
                Piece::Tool,
                Span {
                    start,
                    end: json.at,
                    escaped: false,
                },
            );
            Ok(())
        }
        "arguments" | "input" => string(marks, json, Piece::Tool),
        _ => json.skip(),
    })
}

fn audio(marks: &mut Marks, json: &mut Skimmer<'_>) -> Skimmed<()> {
    marks.matter = true;
    json.members(|json, key| match key.raw(json.text) {
        "transcript" => string(marks, json, Piece::Text),
        _ => json.skip(),
    })
}

/// Content of a kind that has no text: there unless null or empty.
fn matter(marks: &mut Marks, json: &mut Skimmer<'_>) -> Skimmed<()> {
    let bracket = matches!(json.peek(), b'[' | b'{');
    let start = json.at;
    json.skip()?;
    marks.matter |= bracket && json.at - start > 2;
    Ok(())
}
