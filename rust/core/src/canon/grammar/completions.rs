//! Completions, the API before chat.

use super::member::{Means, Member};

pub(super) const MEMBERS: &[(&str, Member<'static>)] = &[
    ("model", Member::that(Means::Model)),
    (
        "prompt",
        Member::of("string | string[] | integer[] | integer[][] | null")
            .required()
            .means(Means::Question),
    ),
    ("stream", Member::that(Means::Stream)),
    ("stream_options", Member::that(Means::StreamOptions)),
    ("max_tokens", Member::that(Means::MaxTokens)),
    ("temperature", Member::that(Means::Temperature)),
    ("n", Member::that(Means::Choices)),
    ("best_of", Member::that(Means::Candidates)),
    ("cache", Member::that(Means::Cache)),
    ("user", Member::of("string").harmless()),
    ("response_format", Member::of("object").ordered()),
    ("guided_json", Member::of("any").ordered()),
    ("structured_outputs", Member::of("any").ordered()),
    ("suffix", Member::of("string")),
    ("echo", Member::of("boolean")),
    ("top_p", Member::of("number")),
    ("frequency_penalty", Member::of("number")),
    ("presence_penalty", Member::of("number")),
    ("logit_bias", Member::of("object")),
    ("logprobs", Member::of("integer")),
    ("seed", Member::of("integer")),
    ("stop", Member::of("string | string[]")),
];
