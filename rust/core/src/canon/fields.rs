//! The fields of a chat request: what each may hold, and what it means to the key.

/// A set of JSON types; a value's own type is a set of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub const NONE: Self = Self(0);
    pub const NULL: Self = Self(1);
    pub const BOOL: Self = Self(2);
    pub const INTEGER: Self = Self(4);
    pub const DECIMAL: Self = Self(8);
    pub const STRING: Self = Self(16);
    pub const ARRAY: Self = Self(32);
    pub const OBJECT: Self = Self(64);
    pub const ANY: Self = Self(127);
    /// Set beside the type of a member that does not enter the key.
    pub const OMITTED: Self = Self(128);

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The name of one type, as OpenAI's messages spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NULL => "null",
            Self::BOOL => "a boolean",
            Self::INTEGER => "an integer",
            Self::DECIMAL => "a decimal number",
            Self::STRING => "a string",
            Self::ARRAY => "an array",
            _ => "an object",
        }
    }
}

/// What a top-level field does to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It can change the answer: it enters the key, its object order does not.
    Matters,
    /// It is, or holds, a schema: models answer in the order of its members, so the order enters the key as well.
    Ordered,
    /// It cannot change the answer, only how it is delivered, billed, kept or traced.
    Harmless,
}

/// One row of the table: the types that a field takes (an explicit null aside), those of its elements, its bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub takes: Kinds,
    pub elements: Kinds,
    pub expected: &'static str,
    pub range: Option<(f64, f64)>,
    pub role: Role,
    /// A null means what leaving the field out means.
    pub nullable: bool,
    /// It may not be empty.
    pub filled: bool,
}

const STRING: Field = Field {
    takes: Kinds::STRING,
    elements: Kinds::ANY,
    expected: "a string",
    range: None,
    role: Role::Matters,
    nullable: true,
    filled: false,
};
const BOOL: Field = Field {
    takes: Kinds::BOOL,
    expected: "a boolean",
    ..STRING
};
const OBJECT: Field = Field {
    takes: Kinds::OBJECT,
    expected: "an object",
    ..STRING
};
const INTEGER: Field = Field {
    takes: Kinds::INTEGER,
    expected: "an integer",
    ..STRING
};
const NUMBER: Field = Field {
    takes: Kinds::INTEGER.or(Kinds::DECIMAL),
    expected: "a number",
    ..STRING
};
const OBJECTS: Field = Field {
    takes: Kinds::ARRAY,
    elements: Kinds::OBJECT,
    expected: "an array of objects",
    ..STRING
};
const STRINGS: Field = Field {
    takes: Kinds::ARRAY,
    elements: Kinds::STRING,
    expected: "an array of strings",
    ..STRING
};
const STRING_OR_STRINGS: Field = Field {
    takes: Kinds::STRING.or(Kinds::ARRAY),
    expected: "a string or an array of strings",
    ..STRINGS
};
const STRING_OR_OBJECT: Field = Field {
    takes: Kinds::STRING.or(Kinds::OBJECT),
    expected: "a string or an object",
    ..STRING
};
/// Passed through as it is: the API's newer fields and the providers' own.
const UNKNOWN: Field = Field {
    takes: Kinds::ANY,
    nullable: false,
    ..STRING
};

impl Field {
    const fn required(self) -> Self {
        Self {
            nullable: false,
            ..self
        }
    }

    const fn filled(self) -> Self {
        Self {
            filled: true,
            ..self
        }
    }

    const fn within(self, low: f64, high: f64) -> Self {
        Self {
            range: Some((low, high)),
            ..self
        }
    }

    const fn harmless(self) -> Self {
        Self {
            role: Role::Harmless,
            ..self
        }
    }

    const fn ordered(self) -> Self {
        Self {
            role: Role::Ordered,
            ..self
        }
    }

    /// The row of a top-level field.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"model" => STRING.required().filled(),
            b"messages" => OBJECTS.required().filled(),
            b"stream" => BOOL.harmless(),
            b"stream_options" => OBJECT.harmless(),
            b"cache" => OBJECT.harmless(),
            b"user" | b"safety_identifier" | b"prompt_cache_key" | b"prompt_cache_retention" => {
                STRING.harmless()
            }
            b"metadata" => OBJECT.harmless(),
            b"store" => BOOL.harmless(),
            b"temperature" => NUMBER.within(0.0, 2.0),
            b"top_p" => NUMBER.within(0.0, 1.0),
            b"frequency_penalty" | b"presence_penalty" => NUMBER.within(-2.0, 2.0),
            b"n" => INTEGER.within(1.0, 128.0),
            b"max_tokens" | b"max_completion_tokens" => INTEGER.within(1.0, MAX_INTEGER),
            b"top_logprobs" => INTEGER.within(0.0, 20.0),
            b"seed" => INTEGER,
            b"logprobs" | b"parallel_tool_calls" => BOOL,
            b"stop" => STRING_OR_STRINGS,
            b"tools" | b"functions" => OBJECTS.ordered(),
            b"response_format" => OBJECT.ordered(),
            b"guided_json" | b"structured_outputs" => UNKNOWN.ordered(),
            b"tool_choice" | b"function_call" => STRING_OR_OBJECT,
            b"logit_bias" | b"audio" | b"prediction" | b"web_search_options" => OBJECT,
            b"modalities" => STRINGS,
            b"reasoning_effort" | b"verbosity" | b"service_tier" => STRING,
            _ => UNKNOWN,
        }
    }
}

/// 2⁵³: the largest bound below which every integer is a double.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Content of a message: `content` may also be left out.
pub(super) const CONTENT: Field = Field {
    takes: Kinds::STRING.or(Kinds::ARRAY),
    elements: Kinds::OBJECT,
    expected: "a string or an array of objects",
    ..STRING
};
pub(super) const REQUIRED_STRING: Field = STRING.required();
pub(super) const OPTIONAL_BOOL: Field = BOOL;
