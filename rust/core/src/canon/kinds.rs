//! The types of JSON values.

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
    pub const NUMBER: Self = Self::INTEGER.or(Self::DECIMAL);
    pub const ANY: Self = Self(127);
    /// Set beside the type of a member that does not enter the context's key.
    pub const OMITTED: Self = Self(128);

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The name of one type, as OpenAI's messages spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NULL => "null",
            Self::BOOL => "a boolean",
            Self::INTEGER => "an integer",
            Self::DECIMAL => "a decimal number",
            Self::NUMBER => "a number",
            Self::STRING => "a string",
            Self::ARRAY => "an array",
            _ => "an object",
        }
    }
}
