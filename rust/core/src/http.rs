//! One HTTP/1.1 request that lies in memory as a whole, read in place.
//!
//! Only the plain form is read, which is what client libraries send: a head without oddities, then `Content-Length` bytes.
//! Everything else that HTTP allows, and all that it forbids, is [`Irregular`], for a complete implementation to take or to
//! refuse. Nothing is read here in another way than llhttp would read it, so that the two may stand behind one socket.

#![forbid(unsafe_code)]

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

use httparse::{Header, Status};

/// Those of RFC 9110 and PATCH, but for CONNECT and TRACE.
const METHODS: [&str; 7] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];
const MOST_HEADERS: usize = 64;
/// Bytes of the largest head that is read.
pub const LARGEST_HEAD: usize = 8 << 10;
/// Bytes of the largest request that may arrive in parts.
pub const LARGEST_IN_PARTS: usize = 64 << 10;

/// Not a request in the plain form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Irregular;

impl fmt::Display for Irregular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a whole HTTP/1.1 request in the plain form: give the bytes to a complete parser",
        )
    }
}

impl std::error::Error for Irregular {}

/// Where the parts of a request lie in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Range<usize>,
    pub target: Range<usize>,
    headers: Vec<(Range<usize>, Range<usize>)>,
    pub body: Range<usize>,
    pub keep_alive: bool,
}

impl Request {
    /// The request at the start of `bytes`, or None while more bytes are to come.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Irregular> {
        // httparse would skip blank lines.
        let first = bytes.first();
        if first.is_some_and(|first| !first.is_ascii_uppercase()) {
            return Err(Irregular);
        }
        let mut slots = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut []);
        let head = match parsed.parse_with_uninit_headers(bytes, &mut slots) {
            Ok(Status::Complete(head)) if head <= LARGEST_HEAD => head,
            Ok(Status::Partial) if bytes.len() < LARGEST_HEAD => return Ok(None),
            _ => return Err(Irregular),
        };
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
            return Err(Irregular);
        };
        let framing = Framing::of(parsed.headers)?;
        let usual = parsed.version == Some(1) && METHODS.contains(&method) && is_path(target);
        let end = head + framing.length;
        let missing = bytes.len() < end;
        if !usual || !only_crlf(&bytes[..head]) || (missing && end > LARGEST_IN_PARTS) {
            return Err(Irregular);
        }
        if missing {
            return Ok(None);
        }
        let within = |part: &[u8]| {
            let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
            start..start + part.len()
        };
        let header = |header: &Header<'_>| (within(header.name.as_bytes()), within(header.value));
        Ok(Some(Self {
            method: within(method.as_bytes()),
            target: within(target.as_bytes()),
            headers: parsed.headers.iter().map(header).collect(),
            body: head..end,
            keep_alive: framing.keep_alive,
        }))
    }

    /// Where the value of the header called `name`, in any case, lies in `bytes`, the same that were read.
    pub fn header(&self, bytes: &[u8], name: &str) -> Option<Range<usize>> {
        let called = |(own, _): &&(Range<usize>, Range<usize>)| {
            bytes[own.clone()].eq_ignore_ascii_case(name.as_bytes())
        };
        self.headers
            .iter()
            .find(called)
            .map(|(_, value)| value.clone())
    }
}

/// What the headers say of the body and of the connection.
struct Framing {
    length: usize,
    keep_alive: bool,
}

impl Framing {
    /// Refuses what a header adds to the plain form, and every header that stands there twice.
    fn of(headers: &[Header<'_>]) -> Result<Self, Irregular> {
        let mut framing = Self {
            length: 0,
            keep_alive: true,
        };
        let mut host = false;
        for (at, header) in headers.iter().enumerate() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if !header.value.is_ascii() || headers[..at].iter().any(|earlier| is(earlier.name)) {
                return Err(Irregular);
            }
            match header.name.len() {
                4 if is("host") => host = true,
                6 if is("expect") => return Err(Irregular),
                7 if is("upgrade") => return Err(Irregular),
                10 if is("connection") => framing.keep_alive = keeps_alive(header.value)?,
                14 if is("content-length") => framing.length = length(header.value)?,
                16 if is("proxy-connection") => return Err(Irregular), // llhttp takes it for `Connection`
                17 if is("transfer-encoding") => return Err(Irregular),
                18 if is("sec-websocket-key1") => return Err(Irregular),
                _ => {}
            }
        }
        if host { Ok(framing) } else { Err(Irregular) }
    }
}

fn keeps_alive(connection: &[u8]) -> Result<bool, Irregular> {
    match connection {
        value if value.eq_ignore_ascii_case(b"keep-alive") => Ok(true),
        value if value.eq_ignore_ascii_case(b"close") => Ok(false),
        _ => Err(Irregular),
    }
}

fn length(value: &[u8]) -> Result<usize, Irregular> {
    let digits = std::str::from_utf8(value).map_err(|_| Irregular)?;
    if digits.len() > 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Irregular);
    }
    digits.parse().map_err(|_| Irregular)
}

fn is_path(target: &str) -> bool {
    target.starts_with('/') && target.is_ascii() && !target.contains('#')
}

/// httparse takes a bare line feed for a line's end, and llhttp does not.
fn only_crlf(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).all(|at| at > 0 && head[at - 1] == b'\r')
}

#[cfg(test)]
mod tests;
