//! Whatever is read, `serde_json` reads too, and what is spliced out of it reads to the same keys.

#![no_main]

use gateway_core::canon::{Canon, Options, Reading};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// In the key by which serde_json tells itself that a map is a number of any length: its own, and no fault of ours.
const PRIVATE: &[u8] = b"serde_json::private";

fuzz_target!(|data: &[u8]| {
    // serde_json reads 127 levels.
    let canon = Canon::new(b"secret", Options { max_depth: 100 }).expect("a secret");
    check(&canon, data);
    // A request whose last field is the input: most inputs are no request of their own.
    check(
        &canon,
        &[
            br#"{"model":"m","messages":[{"role":"user","content":"a"}],"x":"#,
            data,
            b"}",
        ]
        .concat(),
    );
    check(
        &canon,
        &[
            br#"{"model":"m","messages":[{"role":"user","content":"#,
            data,
            b"}]}",
        ]
        .concat(),
    );
});

fn check(canon: &Canon, body: &[u8]) {
    if body.windows(PRIVATE.len()).any(|name| name == PRIVATE) {
        return;
    }
    let reading = match canon.read(body) {
        Ok(reading) => reading,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let oracle: Value = serde_json::from_slice(body).expect("serde_json reads what we read");
    assert_eq!(reading.model(), oracle["model"].as_str().expect("a model"));
    assert_eq!(reading.stream(), oracle["stream"] == Value::Bool(true));
    reading.question();
    same_keys(&reading, &reading.splice(None, false), canon);
    same_keys(
        &reading,
        &reading.splice(Some(&reading.model()), true),
        canon,
    );
    let renamed = reading.splice(Some("another\"\u{1}"), true);
    let renamed = canon.read(&renamed).expect("a renamed request reads");
    assert_eq!(renamed.model(), "another\"\u{1}");
    assert_eq!(renamed.cache(), None);
    assert!(renamed.include_usage() || !renamed.stream());
    let written = serde_json::to_vec(&oracle).expect("a value writes");
    same_keys(&reading, &written, canon);
}

fn same_keys(reading: &Reading<&[u8]>, body: &[u8], canon: &Canon) {
    let other = canon
        .read(body)
        .expect("what was spliced or written again reads");
    assert_eq!(other.key(b"scope"), reading.key(b"scope"));
    assert_eq!(other.context(b"scope"), reading.context(b"scope"));
    assert_eq!(other.question(), reading.question());
}
