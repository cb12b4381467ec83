//! Whatever the text, what goes comes back.

use gateway_core::redact::{KINDS, Options, Redactor};
use proptest::prelude::*;

fn piece() -> impl Strategy<Value = String> {
    let known = [
        "ann@example.com",
        "+44 20 7946 0958",
        "4111 1111 1111 1111",
        "DE89370400440532013000",
        "536-90-4399",
        "8.8.8.8",
        "2001:db8::1",
        "sk-gw-abc123-SECRETsecret",
        "postgres://a:b@c",
        "-----BEGIN PRIVATE KEY-----",
        "[EMAIL_1]",
        "[",
        "]",
        "_1]",
        "[PHONE_",
        "@",
        "1",
        " ",
        ".",
        "-",
        ":",
        "\\",
        "\"",
        "\n",
    ];
    prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..10).prop_map(|pieces| pieces.concat())
}

fn redactor(kinds: Option<Vec<String>>) -> Redactor {
    let patterns = vec![("word".to_owned(), r"\b[a-z]{3}\b".to_owned())];
    Redactor::new(Options {
        kinds,
        patterns,
        reversible: true,
    })
    .expect("sound options")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_goes_comes_back(text in text(), cut in any::<prop::sample::Index>(), kinds in prop::sample::subsequence(KINDS.to_vec(), 0..=7)) {
        let redaction = redactor(Some(kinds.into_iter().map(str::to_owned).collect())).redact(&text);
        prop_assert_eq!(redaction.restore(redaction.text()).expect("reversible"), text.as_str());
        let mut at = cut.index(redaction.text().len() + 1);
        while !redaction.text().is_char_boundary(at) {
            at -= 1;
        }
        let (head, tail) = redaction.text().split_at(at);
        let mut restorer = redaction.restorer().expect("reversible");
        let restored = restorer.feed(head) + &restorer.feed(tail) + &restorer.end();
        prop_assert_eq!(restored, text.as_str());
        let mut last = 0;
        for (_, start, end) in redaction.findings() {
            prop_assert!(last <= *start && start < end && text.is_char_boundary(*start) && text.is_char_boundary(*end));
            last = *end;
        }
    }

    #[test]
    fn a_body_stays_json_and_says_the_same(text in text()) {
        let redactor = redactor(None);
        let body = serde_json::json!({"model": text, "messages": [{"role": "user", "content": text}]}).to_string();
        let redaction = redactor.redact_body(&body).expect("JSON");
        let got: serde_json::Value = serde_json::from_str(redaction.text()).expect("JSON");
        prop_assert_eq!(got["model"].as_str(), Some(text.as_str()));
        let said = got["messages"][0]["content"].as_str().expect("a text");
        prop_assert_eq!(redaction.restore(said).expect("reversible"), text);
    }
}
