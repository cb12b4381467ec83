//! A request's bytes → one reading: what the route needs of it, and the 256-bit keys under which its answer is kept.
//!
//! # The grammar
//!
//! Which members a body has, and what each means, is data: a [`Grammar`]. Those of chat, completions and embeddings are
//! built in, one file each.
//!
//! # One reading
//!
//! The client's own bytes go to the provider, so a decision taken on another reading of them than the provider's would be a
//! hole. The parser is strict (RFC 8259) and refuses whatever readers are known to differ on: keys that stand twice in an
//! object, at any depth; members that equal a known one but for case; lone surrogates; numbers past a double; a byte order
//! mark; nesting beyond a limit.
//!
//! # What is the same request
//!
//! White space, escapes, the spelling of numbers (`1`, `1.0`, `10e-1`; exact to the last digit) and the order of an
//! object's members do not matter, but for order within schemas: models answer in it. An explicit null is the same as no
//! member where the grammar has it as optional; in unknown members it counts. Every member counts that the grammar does
//! not call harmless. `service_tier` counts: it does not change an answer, but who asks for a fast one must not be made to
//! wait for a call in flight on a slow tier.
//!
//! # The hash
//!
//! HighwayHash-256, keyed by the deployment's secret; BLAKE3 derives its keys. In one run of `cargo bench --bench canon`
//! (Xeon with AVX-512, without SHA extensions) BLAKE3 took 8 times as long on 1 KB and 6 times on 16 KB, SHA-256 over 30
//! times: either would cost more than reading the body does.
//! All three resist a tenant without the secret, who sees hits and misses but never a digest. What HighwayHash does not
//! give, collision resistance against one who holds the secret, is not needed.

mod check;
mod digest;
mod error;
mod grammar;
mod kinds;
mod messages;
mod number;
mod parser;
mod reading;
mod request;
mod scan;
mod scratch;
mod splice;
mod string;

use parking_lot::Mutex;
use std::ops::RangeInclusive;

pub use digest::Digest;
use digest::Keys;
pub use error::CanonError;
pub use grammar::{Grammar, Means, Member, Role};
pub use reading::Reading;
use scratch::Scratch;

/// The range of [`Options::max_depth`].
pub const DEPTH: RangeInclusive<usize> = 1..=512;

/// How strictly to read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Levels of nesting that are read, at most 512 since the parser recurses.
    pub max_depth: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_depth: 128 }
    }
}

/// Reads chat-completions request bodies, and gives their cache keys.
#[derive(Debug)]
pub struct Canon {
    keys: Keys,
    options: Options,
    /// The buffers of the last pass; a reader that finds them in use makes its own.
    scratch: Mutex<Option<Scratch>>,
}

impl Canon {
    /// A reader whose keys are bound to `secret`; other deployments with the same secret give the same keys.
    pub fn new(secret: &[u8], options: Options) -> Result<Self, CanonError> {
        if secret.is_empty() {
            return Err(CanonError::Setup {
                reason: "the secret is empty: give at least one byte, better 32 random ones".into(),
            });
        }
        if !DEPTH.contains(&options.max_depth) {
            return Err(CanonError::Setup {
                reason: "max_depth must be from 1 to 512".into(),
            });
        }
        Ok(Self {
            keys: Keys::new(secret),
            options,
            scratch: Mutex::default(),
        })
    }

    /// Reads a request body in one pass.
    pub fn read<B: AsRef<[u8]>>(
        &self,
        body: B,
        grammar: &Grammar,
    ) -> Result<Reading<B>, Box<CanonError>> {
        let bytes = body.as_ref();
        refuse_unreadable(bytes)?;
        let mut scratch = self
            .scratch
            .try_lock()
            .and_then(|mut kept| kept.take())
            .unwrap_or_default();
        let result = request::read(bytes, grammar, &mut scratch, self.options.max_depth);
        let result = result.map(|(outline, turn)| (outline, self.keys.digests(&scratch, turn)));
        scratch.trim();
        if let Some(mut kept) = self.scratch.try_lock() {
            *kept = Some(scratch);
        }
        let (outline, digests) = result?;
        Ok(Reading::new(body, grammar.clone(), outline, digests))
    }
}

fn refuse_unreadable(body: &[u8]) -> Result<(), Box<CanonError>> {
    let syntax = |reason, at| Err(Box::new(CanonError::Syntax { reason, at }));
    if body.is_empty() {
        return syntax("it is empty", 0);
    }
    if body.len() > i32::MAX as usize {
        return syntax("it is larger than 2 GiB", i32::MAX as usize);
    }
    if simdutf8::basic::from_utf8(body).is_err() {
        let at = std::str::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len);
        return syntax("invalid UTF-8", at);
    }
    if body.starts_with(b"\xEF\xBB\xBF") {
        return syntax("a byte order mark, which JSON may not begin with,", 0);
    }
    Ok(())
}
