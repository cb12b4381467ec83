//! Whatever the bytes, and wherever they are cut, a scanner reads the same.

use gateway_core::sse::{Events, Options, Scanner, without_usage};
use proptest::prelude::*;

/// All that one answer showed.
#[derive(Debug, PartialEq, Default)]
struct Seen {
    data: Vec<u8>,
    generated: String,
    usage: Option<Vec<u8>>,
    error: Option<Vec<u8>>,
    finish: Option<String>,
    model: Option<String>,
    events: u32,
    invalid: Vec<String>,
    flags: [bool; 4],
}

fn read<'a>(reads: impl Iterator<Item = &'a [u8]>, options: Options) -> Seen {
    let mut scanner = Scanner::new(options);
    let mut seen = Seen::default();
    for read in reads {
        let chunk = scanner.feed(read).expect("not ended");
        seen.data.extend_from_slice(&chunk.data);
        seen.events += chunk.events;
        seen.invalid.extend(chunk.invalid);
        seen.flags[0] |= chunk.content;
    }
    let chunk = scanner.end().expect("ended once");
    seen.data.extend_from_slice(&chunk.data);
    seen.events += chunk.events;
    seen.invalid.extend(chunk.invalid);
    seen.flags = [
        seen.flags[0] | chunk.content,
        chunk.truncated,
        scanner.done(),
        scanner.complete(),
    ];
    let said = scanner.transcript();
    seen.generated = said.generated();
    seen.usage = said.usage().map(<[u8]>::to_vec);
    seen.error = said.error().map(<[u8]>::to_vec);
    seen.finish = said.finish().map(str::to_owned);
    seen.model = said.model().map(str::to_owned);
    seen
}

fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut edges: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    edges.extend([0, bytes.len()]);
    edges.sort_unstable();
    edges
        .windows(2)
        .map(|edge| &bytes[edge[0]..edge[1]])
        .collect()
}

/// Pieces that streams are made of, sound and broken.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![Just("".into()), "[a-z \\\\\"\n\u{e9}\u{1F600}]{0,8}"];
    let word = text.prop_map(|text: String| {
        let text = serde_json::to_string(&text).expect("a string");
        format!("data: {{\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}],\"obfuscation\":\"ab\"}}\n\n")
    });
    let fixed = [
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"reasoning\":\"\\ud83d\\ude00\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"total_tokens\":1}}\r\n\r\n",
        "event: error\ndata: {\"error\":{\"message\":\"no\"}}\n\n",
        ": comment\n\n",
        "data: [DONE]\n\n",
        "data: {",
        "\u{feff}",
        "\r",
        "\n",
        "\n\n",
        "data:",
        "retry: 1\n",
        "}",
        "\"",
        "x",
    ];
    prop_oneof![
        4 => word.prop_map(String::into_bytes),
        4 => prop::sample::select(fixed.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_split_reads_the_same(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8), bound in 8usize..400) {
        for options in [Options::default(), Options { max_event: bound, ..Options::default() }] {
            let whole = read([&bytes[..]].into_iter(), options);
            prop_assert_eq!(&read(split(&bytes, &cuts).into_iter(), options), &whole);
            prop_assert_eq!(&read(bytes.chunks(1), options), &whole);
        }
    }

    #[test]
    fn what_is_forwarded_reads_the_same_again(bytes in stream()) {
        let once = read([&bytes[..]].into_iter(), Options::default());
        let twice = read([&once.data[..]].into_iter(), Options::default());
        prop_assert_eq!(&twice.data, &once.data);
        prop_assert_eq!(&twice.generated, &once.generated);
        prop_assert!(twice.invalid.is_empty());
    }

    #[test]
    fn without_usage_leaves_valid_events_that_say_the_same(bytes in stream()) {
        let once = read([&bytes[..]].into_iter(), Options::default());
        let shown = read([&without_usage(&once.data)[..]].into_iter(), Options::default());
        prop_assert_eq!(&shown.generated, &once.generated);
        prop_assert_eq!(&shown.finish, &once.finish);
        prop_assert!(shown.invalid.is_empty());
        prop_assert_eq!(shown.usage, None);
    }

    #[test]
    fn events_are_the_same_at_any_split(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let all = |reads: Vec<&[u8]>| {
            let mut events = Events::new(1 << 20);
            let mut found: Vec<_> = reads.into_iter().flat_map(|read| events.feed(read).expect("small")).collect();
            found.extend(events.end().expect("ended once"));
            found
        };
        prop_assert_eq!(all(split(&bytes, &cuts)), all(vec![&bytes]));
    }

    #[test]
    fn valid_json_is_what_serde_reads(text in r#"[\[\]{}:,"\\u0-9a-f.eE+ \-]{0,12}"#) {
        let json = format!("{{\"a\":{text}}}");
        let event = format!("data: {json}\n\n");
        let seen = read([event.as_bytes()].into_iter(), Options::default());
        // serde refuses numbers beyond f64 and lone surrogates; both are JSON.
        let huge = |fault: serde_json::Error| fault.to_string().contains("out of range") || fault.to_string().contains("surrogate") || fault.to_string().contains("hex escape");
        match serde_json::from_str::<serde_json::Value>(&json) {
            Ok(_) => prop_assert!(seen.invalid.is_empty(), "{json}"),
            Err(fault) => prop_assert!(!seen.invalid.is_empty() || huge(fault), "{json}"),
        }
    }
}
