//! Which model is counted how: the families, and the names that they go by.

use super::template::{Family, Template, Tools};
use crate::tokens::image::Pricing;

const fn chat(
    start: u64,
    [system, user, assistant]: [u64; 3],
    reply: u64,
    tools: Tools,
) -> Template {
    Template {
        start,
        system,
        user,
        assistant,
        reply,
        default_system: 0,
        tools,
    }
}

const fn json(around: u64) -> Tools {
    Tools::Json { around }
}

const IM: [u64; 3] = [4; 3];
const GPT_4O: Pricing = Pricing::Tiles {
    base: 85,
    tile: 170,
};

const fn exact(
    name: &'static str,
    vocabulary: &'static str,
    template: Template,
    image: Pricing,
) -> Family {
    Family {
        name,
        vocabulary,
        estimate: None,
        template,
        image,
    }
}

const fn estimated(
    name: &'static str,
    hundredths: u64,
    template: Template,
    image: Pricing,
) -> Family {
    Family {
        name,
        vocabulary: "o200k_base",
        estimate: Some(hundredths),
        template,
        image,
    }
}

const O200K: Family = exact(
    "o200k_base",
    "o200k_base",
    chat(0, IM, 3, Tools::TypeScript),
    GPT_4O,
);
/// GPT-5 and the o-series speak harmony: `<|start|>role<|message|>…<|end|>`, and `<|start|>assistant` opens the answer.
const REASONING: Family = exact(
    "o200k_base",
    "o200k_base",
    chat(0, IM, 2, Tools::TypeScript),
    GPT_4O,
);
const CL100K: Family = exact(
    "cl100k_base",
    "cl100k_base",
    chat(0, IM, 3, Tools::TypeScript),
    GPT_4O,
);
const P50K: Family = exact(
    "p50k_base",
    "p50k_base",
    chat(0, IM, 3, Tools::TypeScript),
    GPT_4O,
);
const R50K: Family = exact(
    "r50k_base",
    "r50k_base",
    chat(0, IM, 3, Tools::TypeScript),
    GPT_4O,
);
/// gpt-oss always writes a system message of its own (57 tokens and its frame).
const HARMONY: Family = exact(
    "o200k_harmony",
    "o200k_base",
    chat(61, IM, 2, Tools::TypeScript),
    GPT_4O,
);
const LLAMA3: Family = exact(
    "llama3",
    "llama3",
    chat(1, [5; 3], 4, json(60)),
    Pricing::Tiles {
        base: 0,
        tile: 1601,
    },
);
/// From 3.1 on the template always writes the knowledge cutoff and today's date.
const LLAMA31: Family = Family {
    template: Template {
        start: 21,
        default_system: 5,
        ..LLAMA3.template
    },
    ..LLAMA3
};
const CELLS_28: Pricing = Pricing::Cells { side: 28 };
const DEEPSEEK: Family = exact(
    "deepseek",
    "deepseek_v3",
    chat(1, [0, 1, 2], 2, json(100)),
    CELLS_28,
);
/// The answer opens with `<think>\n`.
const DEEPSEEK_REASONER: Family = exact(
    "deepseek",
    "deepseek_v3",
    chat(1, [0, 1, 2], 3, json(100)),
    CELLS_28,
);
const QWEN: Family = exact("qwen", "qwen2", chat(0, [5; 3], 3, json(120)), CELLS_28);
const QWEN25: Family = Family {
    template: Template {
        default_system: 21,
        ..QWEN.template
    },
    ..QWEN
};
const MISTRAL: Family = exact(
    "mistral",
    "mistral_v3",
    chat(1, [2, 2, 1], 0, json(2)),
    Pricing::Cells { side: 16 },
);
const KIMI: Family = exact("kimi", "kimi_k2", chat(0, IM, 3, json(20)), CELLS_28);
const GLM4: Family = exact("glm4", "glm4", chat(2, [2; 3], 2, json(110)), CELLS_28);
const GLM5: Family = exact("glm5", "glm5", chat(2, [2; 3], 2, json(110)), CELLS_28);
const MINIMAX: Family = exact(
    "minimax",
    "minimax_m2",
    chat(1, [5; 3], 5, json(110)),
    CELLS_28,
);
const ANTHROPIC: Family = estimated(
    "anthropic",
    110,
    chat(3, [0, 4, 4], 0, json(346)),
    Pricing::Pixels,
);
const GEMINI: Family = estimated("gemini", 105, chat(0, [0; 3], 2, json(10)), Pricing::Crops);
const XAI: Family = estimated("xai", 105, chat(0, IM, 3, json(200)), CELLS_28);
pub(super) const ESTIMATE: Family = estimated("estimate", 110, chat(1, IM, 3, json(100)), GPT_4O);
/// Vocabularies that are not public or not at hand, but close to one that is.
const OLD_MISTRAL: Family = Family {
    name: "estimate",
    estimate: Some(115),
    ..MISTRAL
};
const NEW_QWEN: Family = Family {
    name: "estimate",
    estimate: Some(100),
    ..QWEN
};

/// Every family that can be asked for by name.
pub(super) const NAMED: [&Family; 18] = [
    &O200K, &HARMONY, &CL100K, &P50K, &R50K, &LLAMA3, &DEEPSEEK, &QWEN, &MISTRAL, &KIMI, &GLM4,
    &GLM5, &MINIMAX, &ANTHROPIC, &GEMINI, &XAI, &ESTIMATE, &REASONING,
];

/// First match wins. A needle that starts with `^` must start the name; any other may stand anywhere in it.
pub(super) const MODELS: &[(&str, &Family)] = &[
    ("^gpt-oss", &HARMONY),
    ("gpt-oss", &HARMONY),
    ("distill-llama", &LLAMA31),
    ("distill-qwen", &QWEN),
    ("deepseek-reasoner", &DEEPSEEK_REASONER),
    ("deepseek-r1", &DEEPSEEK_REASONER),
    ("deepseek", &DEEPSEEK),
    ("claude", &ANTHROPIC),
    ("gemini", &GEMINI),
    ("gemma", &GEMINI),
    ("grok", &XAI),
    ("qwen3.5", &NEW_QWEN),
    ("qwen3p5", &NEW_QWEN),
    ("qwen3-5", &NEW_QWEN),
    ("qwen2.5", &QWEN25),
    ("qwen2p5", &QWEN25),
    ("qwen", &QWEN),
    ("qwq", &QWEN),
    ("mixtral", &OLD_MISTRAL),
    ("mistral-7b", &OLD_MISTRAL),
    ("mistral-large-24", &OLD_MISTRAL),
    ("codestral-22b", &OLD_MISTRAL),
    ("codestral-mamba", &OLD_MISTRAL),
    ("mistral", &MISTRAL),
    ("ministral", &MISTRAL),
    ("magistral", &MISTRAL),
    ("codestral", &MISTRAL),
    ("devstral", &MISTRAL),
    ("pixtral", &MISTRAL),
    ("voxtral", &MISTRAL),
    ("llama-4", &ESTIMATE),
    ("llama4", &ESTIMATE),
    ("llama-2", &ESTIMATE),
    ("llama2", &ESTIMATE),
    ("llama-3-", &LLAMA3),
    ("llama3-8b", &LLAMA3),
    ("llama3-70b", &LLAMA3),
    ("llama-3", &LLAMA31),
    ("llama-v3p", &LLAMA31),
    ("llama3", &LLAMA31),
    ("kimi", &KIMI),
    ("moonlight", &KIMI),
    ("glm-5", &GLM5),
    ("glm", &GLM4),
    ("minimax", &MINIMAX),
    ("^gpt-5-chat", &O200K),
    ("^gpt-5", &REASONING),
    ("^gpt-4o", &O200K),
    ("^gpt-4.", &O200K),
    ("^chatgpt-", &O200K),
    ("^o1", &REASONING),
    ("^o3", &REASONING),
    ("^o4", &REASONING),
    ("^gpt-4", &CL100K),
    ("^gpt-3.5", &CL100K),
    ("^gpt-35", &CL100K),
    ("^text-embedding", &CL100K),
    ("^davinci-002", &CL100K),
    ("^babbage-002", &CL100K),
    ("^text-davinci-00", &P50K),
    ("^code-", &P50K),
    ("^gpt2", &R50K),
    ("^gpt-2", &R50K),
    ("^gpt", &REASONING),
    ("^codex", &REASONING),
];

/// OpenAI prices pictures by model, not by family.
pub(super) const IMAGES: &[(&str, Pricing)] = &[
    (
        "gpt-4o-mini",
        Pricing::Tiles {
            base: 2833,
            tile: 5667,
        },
    ),
    ("gpt-4.1-mini", Pricing::Patches { hundredths: 162 }),
    ("gpt-4.1-nano", Pricing::Patches { hundredths: 246 }),
    ("gpt-5-mini", Pricing::Patches { hundredths: 162 }),
    ("gpt-5-nano", Pricing::Patches { hundredths: 246 }),
    ("o4-mini", Pricing::Patches { hundredths: 172 }),
    (
        "gpt-5",
        Pricing::Tiles {
            base: 70,
            tile: 140,
        },
    ),
    (
        "o1",
        Pricing::Tiles {
            base: 75,
            tile: 150,
        },
    ),
    (
        "o3",
        Pricing::Tiles {
            base: 75,
            tile: 150,
        },
    ),
];
