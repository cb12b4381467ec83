//! Kinds of what is found, and the places where it stands.

/// The built-in kinds.
pub const KINDS: [&str; 7] = [
    "email",
    "phone",
    "card",
    "iban",
    "national_id",
    "ip",
    "secret",
];

pub(super) const EMAIL: usize = 0;
pub(super) const IP: usize = 5;
pub(super) const SECRET: usize = 6;

/// A place in a text, in bytes, and which of the redactor's kinds stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finding {
    pub kind: usize,
    pub start: usize,
    pub end: usize,
}
