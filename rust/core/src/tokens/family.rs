//! Which tokenizer, chat template and picture rule a model has.

mod table;
mod template;

pub(super) use template::{Family, Template, Tools};

use table::{ESTIMATE, IMAGES, MODELS, NAMED};

impl Family {
    pub fn named(name: &str) -> Option<Self> {
        NAMED
            .iter()
            .find(|family| family.name == name)
            .map(|family| **family)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED[..NAMED.len() - 1].iter().map(|family| family.name)
    }

    /// The family of a model's name as any provider spells it: `openai/gpt-4o`, `ft:gpt-4o:org::id`,
    /// `meta-llama/Llama-3.3-70B-Instruct`, `us.anthropic.claude-…`, `accounts/fireworks/models/deepseek-v3`.
    pub fn of_model(model: &str) -> Self {
        let lower = model.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let name = name.strip_prefix("ft:").unwrap_or(name);
        let known = MODELS
            .iter()
            .find(|(needle, _)| match needle.strip_prefix('^') {
                Some(start) => name.starts_with(start),
                None => name.contains(needle),
            });
        let mut family = known.map_or(ESTIMATE, |(_, family)| **family);
        if family.vocabulary == "o200k_base"
            && family.estimate.is_none()
            && let Some((_, image)) = IMAGES.iter().find(|(start, _)| name.starts_with(start))
        {
            family.image = *image;
        }
        family
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_as_providers_spell_them() {
        for (model, family) in [
            ("gpt-4o-mini", "o200k_base"),
            ("openai/gpt-5.5", "o200k_base"),
            ("ft:gpt-4o:my-org::abc123", "o200k_base"),
            ("gpt-4-turbo", "cl100k_base"),
            ("gpt-4.1-nano", "o200k_base"),
            ("openai/gpt-oss-120b", "o200k_harmony"),
            ("o3-mini", "o200k_base"),
            ("text-embedding-3-small", "cl100k_base"),
            ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama3"),
            ("llama-4-scout", "estimate"),
            ("deepseek-r1-distill-llama-70b", "llama3"),
            ("deepseek-chat", "deepseek"),
            ("accounts/fireworks/models/deepseek-v3", "deepseek"),
            ("Qwen/Qwen3-235B", "qwen"),
            ("mistral-large-latest", "mistral"),
            ("open-mixtral-8x7b", "estimate"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic"),
            ("models/gemini-2.5-pro", "gemini"),
            ("grok-4", "xai"),
            ("glm-4.6", "glm4"),
            ("moonshotai/kimi-k2-instruct", "kimi"),
            ("something-new", "estimate"),
            ("", "estimate"),
        ] {
            assert_eq!(Family::of_model(model).name, family, "{model}");
        }
    }

    #[test]
    fn every_family_has_its_vocabulary() {
        for family in NAMED {
            assert!(
                tiktoken::list_encodings().contains(&family.vocabulary),
                "{}",
                family.name
            );
        }
    }
}
