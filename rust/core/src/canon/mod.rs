//! A chat request's bytes → one reading: what the route needs of it, and the 256-bit keys under which its answer is kept.
//!
//! # One reading
//!
//! The client's own bytes go to the provider, so a decision taken on another reading of them than the provider's would be a
//! hole. The parser is strict (RFC 8259) and refuses whatever readers are known to differ on: keys that stand twice in an
//! object, at any depth; lone surrogates; numbers past a double (integers may be of any size); a byte order mark; nesting
//! beyond a limit.
//!
//! # What is the same request
//!
//! White space, escapes, the spelling of numbers (`1`, `1.0`, `10e-1`; exact, at any size) and the order of an object's
//! members do not matter, but for order within `tools`, `functions`, `response_format`, `guided_json` and
//! `structured_outputs`: models answer in the order of a schema. An explicit null is the same as no field where OpenAI
//! documents the field as optional; in unknown fields it counts. Every field counts but these: `stream`, `stream_options`,
//! `user`, `metadata`, `store`, `safety_identifier`, `prompt_cache_key`, `prompt_cache_retention`, and the gateway's own
//! `cache`. `service_tier` counts: it does not change an answer, but who asks for a fast one must not be made to wait
//! for a call in flight on a slow tier.
//!
//! # The hash
//!
//! HighwayHash-256, keyed by the deployment's secret; BLAKE3 derives its keys. In one run of `cargo bench --bench canon`
//! (Xeon with AVX-512, without SHA extensions) BLAKE3 took 8 times as long on 1 KB and 6 times on 16 KB, SHA-256 over 30
//! times: either would cost more than reading the body does.
//! All three resist a tenant without the secret, who sees hits and misses but never a digest. What HighwayHash does not
//! give, collision resistance against one who holds the secret, is not needed.

mod check;
mod error;
mod fields;
mod number;
mod parser;
mod reading;
mod request;
mod scan;
mod scratch;
mod splice;
mod string;

use std::ops::RangeInclusive;
use std::sync::Mutex;

use highway::{HighwayHash, HighwayHasher, Key};

pub use error::CanonError;
use fields::Kinds;
pub use reading::Reading;
use scratch::Scratch;

/// A 256-bit key.
pub type Digest = [u8; 32];

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

/// One key for each thing hashed, so that none can stand for another.
#[derive(Debug, Clone, Copy)]
struct Keys {
    context: Key,
    turn: Key,
    scope: Key,
}

/// The hashes that every scope's keys are made of.
#[derive(Debug, Clone, Copy)]
struct Digests {
    context: [u64; 4],
    /// None if the last message is not a user's.
    turn: Option<[u64; 4]>,
}

impl Canon {
    /// A reader whose keys are bound to `secret`; other deployments with the same secret give the same keys.
    pub fn new(secret: &[u8], options: Options) -> Result<Self, CanonError> {
        if secret.is_empty() {
            return Err(CanonError::Setup {
                reason: "the secret is empty: give at least one byte, better 32 random ones",
            });
        }
        if !DEPTH.contains(&options.max_depth) {
            return Err(CanonError::Setup {
                reason: "max_depth must be from 1 to 512",
            });
        }
        let derive = |what: &str| {
            let key = blake3::derive_key(&format!("llm-gateway 2026 canon {what}"), secret);
            Key(std::array::from_fn(|i| {
                u64::from_le_bytes(key[i * 8..][..8].try_into().expect("8 of 32 bytes"))
            }))
        };
        let keys = Keys {
            context: derive("context"),
            turn: derive("turn"),
            scope: derive("scope"),
        };
        Ok(Self {
            keys,
            options,
            scratch: Mutex::default(),
        })
    }

    /// Reads a request body in one pass.
    pub fn read<B: AsRef<[u8]>>(&self, body: B) -> Result<Reading<B>, Box<CanonError>> {
        let bytes = body.as_ref();
        refuse_unreadable(bytes)?;
        let mut scratch = self
            .scratch
            .try_lock()
            .ok()
            .and_then(|mut kept| kept.take())
            .unwrap_or_default();
        let result = request::read(bytes, &mut scratch, self.options.max_depth);
        let result = result.map(|(outline, turn)| (outline, self.digests(&scratch, turn)));
        scratch.trim();
        if let Ok(mut kept) = self.scratch.try_lock() {
            *kept = Some(scratch);
        }
        let (outline, digests) = result?;
        Ok(Reading::new(body, outline, digests, self.keys.scope))
    }

    fn digests(&self, scratch: &Scratch, turn: Option<(u32, u32)>) -> Digests {
        let mut context = HighwayHasher::new(self.keys.context);
        for member in scratch
            .members
            .iter()
            .filter(|member| !member.value.kind.has(Kinds::OMITTED))
        {
            scratch.pieces((member.first, member.last), turn, |piece| {
                context.append(piece)
            });
        }
        let turn = turn.map(|chain| {
            let mut hasher = HighwayHasher::new(self.keys.turn);
            scratch.pieces(chain, None, |piece| hasher.append(piece));
            hasher.finalize256()
        });
        Digests {
            context: context.finalize256(),
            turn,
        }
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
