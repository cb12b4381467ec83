//! The notation of types, as `string | string[] | integer[][]`, and its words for messages.

use crate::canon::kinds::Kinds;

/// What a member may hold.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub takes: Kinds,
    /// The types of the elements, one set for each kind of array.
    pub arrays: Vec<Kinds>,
    /// As OpenAI's messages say it: `a string or an array of strings`.
    pub expected: String,
}

/// A type by itself, the set it stands for, and its words alone and in `an array of …`.
const NAMES: [(&str, Kinds, &str); 7] = [
    ("null", Kinds::NULL, "null"),
    ("boolean", Kinds::BOOL, "boolean"),
    ("integer", Kinds::INTEGER, "integer"),
    ("number", Kinds::NUMBER, "number"),
    ("string", Kinds::STRING, "string"),
    ("object", Kinds::OBJECT, "object"),
    ("any", Kinds::ANY, "value"),
];

impl Types {
    /// None if it is not in the notation.
    pub fn parse(text: &str) -> Option<Self> {
        let mut types = Self::default();
        let mut words = Vec::new();
        for one in text.split('|').map(str::trim) {
            let base = one.trim_end_matches("[]");
            let (_, kind, word) = NAMES.iter().find(|(name, ..)| *name == base)?;
            let (takes, said) = match (one.len() - base.len()) / 2 {
                0 => (*kind, kind.name().to_owned()),
                1 => (types.array(*kind), format!("an array of {word}s")),
                2 => (
                    types.array(Kinds::ARRAY),
                    format!("an array of {word} arrays"),
                ),
                _ => return None,
            };
            types.takes = types.takes.or(takes);
            if takes != Kinds::NULL {
                words.push(said);
            }
        }
        if types.takes == Kinds::ANY {
            types.arrays.push(Kinds::ANY);
        }
        let last = words.pop().unwrap_or_else(|| "null".into());
        types.expected = match words.is_empty() {
            true => last,
            false => format!("{} or {last}", words.join(", ")),
        };
        Some(types)
    }

    pub fn any() -> Self {
        Self {
            takes: Kinds::ANY,
            arrays: vec![Kinds::ANY],
            expected: "any value".into(),
        }
    }

    fn array(&mut self, elements: Kinds) -> Kinds {
        self.arrays.push(elements);
        Kinds::ARRAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_reads_as_words() {
        let words = |text| Types::parse(text).map(|types| types.expected);
        let said = [
            ("string", "a string"),
            ("number | null", "a number"),
            ("string|object", "a string or an object"),
            (
                "string | string[] | integer[] | integer[][]",
                "a string, an array of strings, an array of integers or an array of integer arrays",
            ),
        ];
        for (text, expected) in said {
            assert_eq!(words(text).as_deref(), Some(expected));
        }
        for none in ["", "str", "string |", "string[", "string[][][]", "[]"] {
            assert_eq!(words(none), None, "{none}");
        }
    }
}
