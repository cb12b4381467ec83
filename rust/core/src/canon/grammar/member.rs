//! What a grammar says of one member, as plain data.

/// What a member does to the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// It can change the answer: it enters the key, its object order does not.
    #[default]
    Matters,
    /// It is, or holds, a schema: models answer in the order of its members, so the order enters the key as well.
    Ordered,
    /// It cannot change the answer, only how it is delivered, billed, kept or traced.
    Harmless,
}

/// What a member tells the gateway. All but [`Means::Question`] settle the member's type and role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The model's name: required, at most 256 bytes, without control characters.
    Model,
    /// A conversation: required; the question is the content of its last message, if that is a user's.
    Messages,
    /// The question itself, where it is one string; several strings or token arrays ask for that many answers.
    Question,
    /// Whether to stream.
    Stream,
    /// The object that holds `include_usage`.
    StreamOptions,
    /// A bound on the output's tokens; where a request has several, the largest counts.
    MaxTokens,
    Temperature,
    /// How many choices the answer has.
    Choices,
    /// Of how many that the provider makes those choices are the best.
    Candidates,
    /// The gateway's own member, which is not sent on.
    Cache,
}

/// One member of a body. The default is optional and takes anything.
///
/// An explicit null of an optional member means what leaving it out means; a required one takes null if `types` says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct Member<'a> {
    /// As in `string | string[] | integer[][]`, of null, boolean, integer, number, string, object and any; empty for any.
    pub types: &'a str,
    pub required: bool,
    pub role: Role,
    /// It may be neither `""` nor `[]`.
    pub filled: bool,
    /// The bounds of a number.
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    /// The bound of a string, in bytes of UTF-8.
    pub max_length: Option<usize>,
    pub means: Option<Means>,
}

impl<'a> Member<'a> {
    pub const fn of(types: &'a str) -> Self {
        Self {
            types,
            required: false,
            role: Role::Matters,
            filled: false,
            minimum: None,
            maximum: None,
            max_length: None,
            means: None,
        }
    }

    /// A member whose meaning settles its type.
    pub const fn that(means: Means) -> Self {
        Self::of("").means(means)
    }

    pub const fn means(mut self, means: Means) -> Self {
        self.means = Some(means);
        self
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn harmless(mut self) -> Self {
        self.role = Role::Harmless;
        self
    }

    pub const fn ordered(mut self) -> Self {
        self.role = Role::Ordered;
        self
    }

    /// The member with what its meaning settles filled in.
    pub(super) const fn settled(mut self) -> Self {
        let Some(means) = self.means else {
            return self;
        };
        self.types = match means {
            Means::Model => "string",
            Means::Messages => "object[]",
            Means::Question => self.types,
            Means::Stream => "boolean",
            Means::StreamOptions | Means::Cache => "object",
            Means::MaxTokens | Means::Choices | Means::Candidates => "integer",
            Means::Temperature => "number",
        };
        match means {
            Means::Model => {
                (self.required, self.filled) = (true, true);
                self.max_length = Some(MODEL_BYTES);
            }
            Means::Messages => (self.required, self.filled) = (true, true),
            Means::Stream | Means::StreamOptions | Means::Cache => self.role = Role::Harmless,
            Means::MaxTokens | Means::Choices | Means::Candidates => self.minimum = Some(1.0),
            Means::Question | Means::Temperature => {}
        }
        self
    }
}

/// A model's name becomes a key of tables, a label and a header.
const MODEL_BYTES: usize = 256;
