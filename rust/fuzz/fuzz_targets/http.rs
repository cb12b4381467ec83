//! What is read lies within the bytes; no part of it is taken for the whole, and what follows changes nothing.

#![no_main]

use gateway_core::http::{Irregular, LARGEST_IN_PARTS, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (at, bytes) = input;
    check(at, bytes);
    // Most inputs are no request of their own: so they are headers, or a body, of one that is.
    check(
        at,
        &[b"GET / HTTP/1.1\r\nhost: a\r\n", bytes, b"\r\n\r\n"].concat(),
    );
    let length = format!(
        "POST /v1 HTTP/1.1\r\ncontent-length: {}\r\nhost: a\r\n\r\n",
        bytes.len()
    );
    let whole = [length.as_bytes(), bytes].concat();
    check(at, &whole);
    let read = Request::read(&whole).expect("plain").expect("whole");
    assert_eq!(&whole[read.body], bytes);
});

fn check(at: u16, bytes: &[u8]) {
    let Ok(Some(request)) = Request::read(bytes) else {
        return;
    };
    let end = request.body.end;
    assert!(request.method.end < request.target.start && request.target.end < request.body.start);
    assert!(bytes[request.target.clone()].starts_with(b"/"));
    for name in ["host", "content-length", "authorization", "x"] {
        let value = request.header(bytes, name);
        assert!(
            value.is_none_or(
                |value| value.start > request.target.end && value.end < request.body.start
            )
        );
    }
    assert!(request.header(bytes, "host").is_some());
    let part = &bytes[..usize::from(at) % end];
    let read = Request::read(part);
    assert!(read == Ok(None) || end > LARGEST_IN_PARTS && read == Err(Irregular));
    let followed = [&bytes[..end], &bytes[usize::from(at) % bytes.len()..]].concat();
    assert_eq!(Request::read(&followed), Ok(Some(request.clone())));
    assert_eq!(Request::read(&bytes[..end]), Ok(Some(request)));
}
