//! What a provider says of its failure, bounded.

use crate::json::{Skimmed, Skimmer, Span};

/// Bytes of an error that is passed on as it came.
const MOST: usize = 8 << 10;
/// Bytes of one field of a longer one.
const MOST_OF_A_FIELD: usize = 1 << 10;
const FIELDS: [&str; 4] = ["message", "type", "param", "code"];

/// A provider's error as JSON of at most 8 KiB: a longer one keeps the beginnings of the fields that clients read.
pub(super) fn brief(error: &str) -> Box<[u8]> {
    if error.len() <= MOST {
        return error.as_bytes().into();
    }
    let mut json = Skimmer::new(error);
    let mut out = String::new();
    let read = match json.peek() {
        b'{' => fields(&mut json, &mut out),
        b'"' => json.string().map(|said| quote(error, said, &mut out)),
        _ => Ok(()),
    };
    if read.is_err() || out.is_empty() {
        out = "{}".into();
    }
    out.into_bytes().into()
}

fn fields(json: &mut Skimmer<'_>, out: &mut String) -> Skimmed<()> {
    let mut found: [Option<Span>; FIELDS.len()] = [None; FIELDS.len()];
    json.members(|json, key| {
        let value = value(json)?;
        if let Some(field) = FIELDS.iter().position(|name| key.is(json.text, name)) {
            found[field] = value;
        }
        Ok(())
    })?;
    for (name, value) in FIELDS.iter().zip(found) {
        if let Some(value) = value {
            out.push_str(if out.is_empty() { "{\"" } else { ",\"" });
            out.push_str(name);
            out.push_str("\":");
            if json.text.as_bytes()[value.start.saturating_sub(1)] == b'"' {
                quote(json.text, value, out);
            } else {
                out.push_str(value.raw(json.text));
            }
        }
    }
    if !out.is_empty() {
        out.push('}');
    }
    Ok(())
}

/// A string, or a number or word that is short; nothing else is a field.
fn value(json: &mut Skimmer<'_>) -> Skimmed<Option<Span>> {
    let first = json.peek();
    if first == b'"' {
        return json.string().map(Some);
    }
    let start = json.at;
    json.skip()?;
    let simple = !matches!(first, b'{' | b'[') && json.at - start <= MOST_OF_A_FIELD;
    Ok(simple.then_some(Span {
        start,
        end: json.at,
        escaped: false,
    }))
}

fn quote(text: &str, said: Span, out: &mut String) {
    out.push('"');
    out.push_str(said.cut(text, MOST_OF_A_FIELD).raw(text));
    out.push('"');
}
