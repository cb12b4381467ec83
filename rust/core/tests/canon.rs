//! The reading of requests through the crate's public face; `tests/native/test_canon.py` holds the oracle.

use gateway_core::canon::{Canon, CanonError, Grammar, Means, Member, Options, Reading, Role};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

fn canon() -> Canon {
    Canon::new(b"secret", Options::default()).expect("a secret")
}

fn chat() -> Grammar {
    Grammar::built_in("chat").expect("built in")
}

fn request(x: &Value) -> Map<String, Value> {
    let base = r#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#;
    let mut request: Map<String, Value> = serde_json::from_str(base).expect("an object");
    request.insert("x".into(), x.clone());
    request
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-4..4i64).prop_map(Value::from),
        (-1e9..1e9f64).prop_map(|f| Number::from_f64(f + 0.5).map_or(Value::Null, Value::Number)),
        "[a-z \"\\\\/\n\té😀]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[ab]{0,10}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn layout_does_not_matter_and_values_do(one in values(), other in values()) {
        let (canon, chat) = (canon(), chat());
        let key = |body: &[u8]| canon.read(body, &chat).expect("a request").key(&[b""]);
        let compact = serde_json::to_vec(&request(&one)).expect("writes");
        let pretty = serde_json::to_vec_pretty(&request(&one)).expect("writes");
        prop_assert_eq!(key(&compact), key(&pretty));
        let others = serde_json::to_vec(&request(&other)).expect("writes");
        prop_assert_eq!(key(&compact) == key(&others), one == other);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..80), at in 0..60usize) {
        let mut text = serde_json::to_vec(&request(&Value::Null)).expect("writes");
        text.splice(at..at, body.iter().copied());
        if canon().read(&text[..], &chat()).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn strings_of_any_length_and_place_are_kept(before in 0..40usize, text in "[a-z\"\\\\\u{a0}é😀]{0,50}") {
        let message = serde_json::json!({"role": "user", "content": text.clone()});
        let body = serde_json::json!({"model": text.clone() + "m", "messages": [message]});
        let body = format!("{}{body}", " ".repeat(before));
        let reading = canon().read(body.as_bytes(), &chat()).map(|r| (r.model().into_owned(), r.question()));
        prop_assert_eq!(reading, Ok((text.clone() + "m", Some(text))));
    }
}

#[test]
fn a_reading_may_own_its_body_and_cross_threads() {
    fn sendable<T: Send + Sync>(_: &T) {}
    let body = serde_json::to_vec(&request(&Value::Null)).expect("writes");
    let reading: Reading<Vec<u8>> = canon().read(body, &chat()).expect("a request");
    sendable(&reading);
    sendable(&canon());
    assert_eq!(reading.model(), "m");
}

#[test]
fn readers_on_several_threads_agree() {
    let (canon, chat) = (canon(), chat());
    let body = serde_json::to_vec(&request(&Value::from("y"))).expect("writes");
    let expected = canon.read(&body[..], &chat).expect("a request").key(&["s"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(
                        canon.read(&body[..], &chat).expect("a request").key(&["s"]),
                        expected
                    );
                }
            });
        }
    });
}

#[test]
fn an_empty_secret_is_refused() {
    assert!(matches!(
        Canon::new(b"", Options::default()),
        Err(CanonError::Setup { .. })
    ));
}

#[test]
fn a_grammar_is_plain_data() {
    let members = [
        ("engine", Member::that(Means::Model)),
        ("topK", Member::of("integer").required()),
        ("schema", Member::of("object").ordered()),
        ("trace", Member::of("any").harmless()),
    ];
    let grammar = Grammar::new("mine", &members).expect("a grammar");
    let read = |body: &str| canon().read(body.to_owned(), &grammar);
    let key = |body: &str| read(body).expect("a request").key(&[b""]);
    let one = key(r#"{"engine":"m","topK":1,"schema":{"a":1,"b":2},"trace":7}"#);
    assert_eq!(
        one,
        key(r#"{"schema":{"a":1,"b":2},"topK":1,"engine":"m"}"#)
    );
    assert_ne!(
        one,
        key(r#"{"schema":{"b":2,"a":1},"topK":1,"engine":"m"}"#)
    );
    let misspelt = read(r#"{"engine":"m","topk":1}"#).expect_err("another case");
    assert_eq!(misspelt.code(), Some("unknown_parameter"));
    let missing = read(r#"{"engine":"m"}"#).expect_err("no topK");
    assert_eq!(missing.param(), Some("topK"));
}

#[test]
fn what_makes_no_grammar_is_refused() {
    let model = ("model", Member::that(Means::Model));
    let ordered = Member {
        role: Role::Ordered,
        ..Member::that(Means::Stream)
    };
    let bounded = Member {
        minimum: Some(1.0),
        ..Member::of("string")
    };
    let faults: [&[(&str, Member<'_>)]; 9] = [
        &[],
        &[("a", Member::of("string"))],
        &[model, model],
        &[model, ("Model", Member::default())],
        &[model, ("engine", Member::that(Means::Model))],
        &[model, ("a", Member::of("text"))],
        &[model, ("a", ordered)],
        &[model, ("a", bounded)],
        &[
            model,
            ("a", Member::that(Means::Question)),
            ("b", Member::that(Means::Messages)),
        ],
    ];
    for members in faults {
        assert!(matches!(
            Grammar::new("g", members),
            Err(CanonError::Setup { .. })
        ));
    }
    assert!(Grammar::new("", &[model]).is_err());
    assert!(Grammar::built_in("none").is_err());
}
