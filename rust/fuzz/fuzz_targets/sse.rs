//! Any split of any bytes reads as one piece does, and nothing panics.

#![no_main]

use gateway_core::sse::{Events, Options, Scanner, without_usage};
use libfuzzer_sys::fuzz_target;

type Seen = (Vec<u8>, String, Option<Vec<u8>>, Vec<String>, [bool; 4]);

fn read<'a>(reads: impl Iterator<Item = &'a [u8]>, options: Options) -> Seen {
    let mut scanner = Scanner::new(options);
    let (mut data, mut invalid, mut content) = (Vec::new(), Vec::new(), false);
    for read in reads {
        let chunk = scanner.feed(read).expect("not ended");
        data.extend_from_slice(&chunk.data);
        invalid.extend(chunk.invalid);
        content |= chunk.content;
    }
    let last = scanner.end().expect("ended once");
    data.extend_from_slice(&last.data);
    invalid.extend(last.invalid);
    let flags = [
        content | last.content,
        last.truncated,
        scanner.done(),
        scanner.complete(),
    ];
    let said = scanner.transcript();
    (
        data,
        said.generated(),
        said.usage().map(<[u8]>::to_vec),
        invalid,
        flags,
    )
}

fn events(reads: &[&[u8]]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut events = Events::new(1 << 12);
    let mut found = Vec::new();
    for read in reads {
        found.extend(events.feed(read).ok()?);
    }
    found.extend(events.end().ok()?);
    Some(found)
}

fuzz_target!(|input: (u16, u8, bool, &[u8])| {
    let (at, size, whole, bytes) = input;
    let options = Options {
        whole,
        max_event: 4096,
        ..Options::default()
    };
    let (head, tail) = bytes.split_at(usize::from(at).min(bytes.len()));
    let one = read([bytes].into_iter(), options);
    assert_eq!(read([head, tail].into_iter(), options), one);
    assert_eq!(read(bytes.chunks(usize::from(size).max(1)), options), one);
    assert_eq!(events(&[head, tail]), events(&[bytes]));
    without_usage(bytes);
    if !whole {
        // Not `one` itself: an event that tells of an error is read, but not forwarded.
        let again = read([&one.0[..]].into_iter(), options);
        let shown = read([&without_usage(&one.0)[..]].into_iter(), options);
        assert_eq!((&again.0, &shown.1), (&one.0, &again.1));
        assert!(shown.3.is_empty());
    }
});
