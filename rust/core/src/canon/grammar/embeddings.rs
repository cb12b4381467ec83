//! Embeddings.

use super::member::{Means, Member};

pub(super) const MEMBERS: &[(&str, Member<'static>)] = &[
    ("model", Member::that(Means::Model)),
    (
        "input",
        Member::of("string | string[] | integer[] | integer[][]")
            .required()
            .means(Means::Question),
    ),
    ("cache", Member::that(Means::Cache)),
    ("user", Member::of("string").harmless()),
    ("dimensions", Member::of("integer")),
    ("encoding_format", Member::of("string")),
];
