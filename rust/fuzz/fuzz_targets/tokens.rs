//! Any text comes back from its tokens, is counted as it is encoded, and any body is counted or refused.

#![no_main]

use gateway_core::tokens::Tokenizer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let names = [
        "o200k_base",
        "cl100k_base",
        "llama3",
        "deepseek",
        "qwen",
        "mistral",
        "kimi",
        "anthropic",
    ];
    let tokenizer = Tokenizer::named(names[usize::from(choice) % names.len()]).unwrap();
    let _ = tokenizer.count_chat(rest);
    let text = String::from_utf8_lossy(rest);
    let count = tokenizer.count(&text);
    if let Ok(tokens) = tokenizer.encode(&text) {
        assert_eq!(tokens.len() as u64, count);
        assert_eq!(tokenizer.decode(&tokens).unwrap(), text.as_bytes());
    }
});
