//! Any text comes back at any split, any body is refused or stays JSON, and nothing panics.

#![no_main]

use std::sync::LazyLock;

use gateway_core::redact::{Options, Redactor};
use libfuzzer_sys::fuzz_target;

static REDACTOR: LazyLock<Redactor> =
    LazyLock::new(|| Redactor::new(Options::default()).expect("defaults"));

fuzz_target!(|input: (u16, &str)| {
    let (at, text) = input;
    let redaction = REDACTOR.redact(text);
    let redacted = redaction.text();
    let mut at = usize::from(at).min(redacted.len());
    while !redacted.is_char_boundary(at) {
        at -= 1;
    }
    let mut restorer = redaction.restorer().expect("reversible");
    let restored =
        restorer.feed(&redacted[..at]) + &restorer.feed(&redacted[at..]) + &restorer.end();
    assert_eq!(restored, text);
    let mut last = 0;
    for (_, start, end) in redaction.findings() {
        assert!(last <= *start && start < end);
        last = *end;
    }
    if let Ok(body) = REDACTOR.redact_body(text) {
        assert!(REDACTOR.redact_body(body.text()).is_ok());
    }
    let body = format!("{{\"messages\":\"{}\"}}", text.escape_default());
    let _ = REDACTOR.redact_body(&body);
});
