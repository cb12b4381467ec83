use proptest::prelude::*;

use super::*;

const PLAIN: &[u8] =
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n{}";

fn with(headers: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nhost: a\r\n{headers}\r\n").into_bytes()
}

fn read(bytes: &[u8]) -> Result<Option<Request>, Irregular> {
    Request::read(bytes)
}

#[test]
fn a_plain_request_is_read_in_place() {
    let request = read(PLAIN).unwrap().unwrap();

    assert_eq!(&PLAIN[request.method.clone()], b"POST");
    assert_eq!(&PLAIN[request.target.clone()], b"/v1/chat/completions");
    assert_eq!(&PLAIN[request.body.clone()], b"{}");
    assert_eq!(
        request.header(PLAIN, "HOST").map(|at| &PLAIN[at]),
        Some(&b"gateway"[..])
    );
    assert_eq!(request.header(PLAIN, "hos"), None);
    assert!(request.keep_alive);
}

#[test]
fn what_follows_belongs_to_the_next_request() {
    let twice = [PLAIN, PLAIN].concat();

    assert_eq!(read(&twice).unwrap().unwrap().body.end, PLAIN.len());
}

#[test]
fn every_part_of_a_request_is_unfinished() {
    for end in 1..PLAIN.len() {
        assert_eq!(read(&PLAIN[..end]), Ok(None), "after {end} bytes");
    }
}

#[test]
fn the_connection_header_says_whether_it_stays_open() {
    for (value, stays) in [
        ("close", false),
        ("Close", false),
        ("keep-alive", true),
        ("Keep-Alive", true),
    ] {
        let request = read(&with(&format!("connection: {value}\r\n")))
            .unwrap()
            .unwrap();
        assert_eq!(request.keep_alive, stays, "{value}");
    }
}

#[test]
fn whatever_llhttp_might_read_otherwise_is_irregular() {
    let odd = [
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "expect: 100-continue\r\n",
        "upgrade: h2c\r\n",
        "connection: upgrade\r\n",
        "proxy-connection: close\r\n",
        "connection: keep-alive, te\r\n",
        "content-length: 1\r\ncontent-length: 1\r\n",
        "content-length: +1\r\n",
        "content-length: 1, 1\r\n",
        "content-length: 12345678901\r\n",
        "content-length:\r\n",
        "Host: b\r\n",
        "x: 1\r\nX: 2\r\n",
        "x: \u{e9}\r\n",
        "x: 1\n",
        "x: 1\r\n y: folded\r\n",
        "x : 1\r\n",
    ];
    for headers in odd {
        assert_eq!(read(&with(headers)), Err(Irregular), "{headers:?}");
    }
    let lines = [
        &b"POST / HTTP/1.0\r\nhost: a\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\n\r\n",
        b"\r\nPOST / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\r",
        b"\n",
        b"POST http://a/ HTTP/1.1\r\nhost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /#a HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST  / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\nhost: a\n\n",
        b"\x16\x03\x01\x02",
        b"PRI * HTTP/2.0\r\n\r\n",
    ];
    for bytes in lines {
        assert_eq!(read(bytes), Err(Irregular), "{bytes:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let long = with(&format!("x: {}\r\n", "a".repeat(LARGEST_HEAD)));
    assert_eq!(read(&long), Err(Irregular));
    assert_eq!(read(&long[..LARGEST_HEAD]), Err(Irregular));
    let many: String = (0..=MOST_HEADERS)
        .map(|at| format!("x-{at}: 1\r\n"))
        .collect();
    assert_eq!(read(&with(&many)), Err(Irregular));
    assert_eq!(
        read(&with(&format!("content-length: {LARGEST_IN_PARTS}\r\n"))),
        Err(Irregular)
    );

    let mut large = with("content-length: 1000000\r\n");
    large.resize(large.len() + 1_000_000, b' ');
    assert_eq!(read(&large).unwrap().unwrap().body.len(), 1_000_000);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn a_damaged_request_never_reaches_beyond_its_bytes(at in 0..PLAIN.len(), byte: u8) {
        let mut bytes = PLAIN.to_vec();
        bytes[at] = byte;
        if let Ok(Some(request)) = read(&bytes) {
            prop_assert!(request.body.end <= bytes.len() && request.target.end < request.body.start);
        }
    }
}
