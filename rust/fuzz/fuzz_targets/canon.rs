//! Whatever a grammar reads, `serde_json` reads too, and what is spliced out of it reads to the same keys.

#![no_main]

use std::sync::LazyLock;

use gateway_core::canon::{Canon, Grammar, Options};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// In the key by which serde_json tells itself that a map is a number of any length: its own, and no fault of ours.
const PRIVATE: &[u8] = b"serde_json::private";

static SETUP: LazyLock<(Canon, Vec<Grammar>)> = LazyLock::new(|| {
    // serde_json reads 127 levels.
    let canon = Canon::new(b"secret", Options { max_depth: 100 });
    let grammars = Grammar::names().map(Grammar::built_in).collect();
    (
        canon.expect("a secret"),
        Result::expect(grammars, "built in"),
    )
});

fuzz_target!(|data: &[u8]| {
    let (canon, grammars) = &*SETUP;
    for grammar in grammars {
        // Most inputs are no request of their own, but one's last member, message, prompt or input.
        for (before, after) in [
            ("", ""),
            (
                r#"{"model":"m","prompt":"a","input":"a","messages":[{"role":"user","content":"a"}],"x":"#,
                "}",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":"#,
                "}]}",
            ),
            (r#"{"model":"m","prompt":"#, "}"),
            (r#"{"model":"m","input":"#, "}"),
        ] {
            let body = [before.as_bytes(), data, after.as_bytes()].concat();
            check(canon, grammar, &body);
        }
    }
});

fn check(canon: &Canon, grammar: &Grammar, body: &[u8]) {
    if body.windows(PRIVATE.len()).any(|name| name == PRIVATE) {
        return;
    }
    let reading = match canon.read(body, grammar) {
        Ok(reading) => reading,
        Err(error) => {
            assert!(!error.to_string().is_empty() && error.to_string().len() < 1000);
            return;
        }
    };
    let oracle: Value = serde_json::from_slice(body).expect("serde_json reads what we read");
    assert_eq!(reading.model(), oracle["model"].as_str().expect("a model"));
    assert!(reading.model().len() <= 256);
    let streams = grammar.name() != "embeddings" && oracle["stream"] == Value::Bool(true);
    assert_eq!(reading.stream(), streams);
    assert!(reading.n() > 0);
    assert!(reading.max_tokens() != Some(0));
    reading.question();
    let same = |body: &[u8]| {
        let other = canon.read(body, grammar);
        let other = other.expect("what was spliced or written again reads");
        assert_eq!(other.key(&[b"scope"]), reading.key(&[b"scope"]));
        assert_eq!(other.context(&[b"scope"]), reading.context(&[b"scope"]));
        assert_eq!(other.question(), reading.question());
    };
    same(&reading.splice(None, false));
    same(&reading.splice(Some(&reading.model()), true));
    same(&serde_json::to_vec(&oracle).expect("a value writes"));
    let renamed = reading.splice(Some("another\"\\"), true);
    let renamed = canon.read(&renamed[..], grammar);
    let renamed = renamed.expect("a renamed request reads");
    assert_eq!(renamed.model(), "another\"\\");
    assert_eq!(renamed.cache(), None);
    assert!(renamed.include_usage() || !renamed.stream());
}
