//! The keys: what is hashed, and under which of the secret's keys.

use highway::{HighwayHash, HighwayHasher, Key};

use super::kinds::Kinds;
use super::scratch::Scratch;

/// A 256-bit key.
pub type Digest = [u8; 32];

/// One key for each thing hashed, so that none can stand for another.
///
/// Plain words: `Key` asks for an alignment of 32 bytes, which objects of Python do not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    context: [u64; 4],
    turn: [u64; 4],
    scope: [u64; 4],
}

/// The hashes that every scope's keys are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digests {
    context: [u64; 4],
    /// None if there is no question that stands apart.
    turn: Option<[u64; 4]>,
    scope_key: [u64; 4],
}

impl Keys {
    pub fn new(secret: &[u8]) -> Self {
        let derive = |what: &str| {
            let key = blake3::derive_key(&format!("llm-gateway 2026 canon {what}"), secret);
            std::array::from_fn(|i| {
                u64::from_le_bytes(key[i * 8..][..8].try_into().expect("8 of 32 bytes"))
            })
        };
        Self {
            context: derive("context"),
            turn: derive("turn"),
            scope: derive("scope"),
        }
    }

    /// Hashes what the scratch holds of a body whose question is the chain `turn`.
    pub fn digests(&self, scratch: &Scratch, turn: Option<(u32, u32)>) -> Digests {
        let mut context = HighwayHasher::new(Key(self.context));
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
            let mut hasher = HighwayHasher::new(Key(self.turn));
            scratch.pieces(chain, None, |piece| hasher.append(piece));
            hasher.finalize256()
        });
        Digests {
            context: context.finalize256(),
            turn,
            scope_key: self.scope,
        }
    }
}

impl Digests {
    /// The key of the answer.
    pub fn key(&self, grammar: &str, scope: &[impl AsRef<[u8]>]) -> Digest {
        let kind = if self.turn.is_some() { b'T' } else { b'K' };
        self.scoped(kind, self.turn.unwrap_or_default(), grammar, scope)
    }

    /// The key of everything but the question.
    pub fn context(&self, grammar: &str, scope: &[impl AsRef<[u8]>]) -> Digest {
        self.scoped(b'C', [0; 4], grammar, scope)
    }

    /// Hashes a head of fixed length, then the grammar's name and the parts of the scope, each after its length: no list of
    /// parts reads as another.
    fn scoped(
        &self,
        kind: u8,
        turn: [u64; 4],
        grammar: &str,
        scope: &[impl AsRef<[u8]>],
    ) -> Digest {
        let mut head = [0; 96];
        head[..32].copy_from_slice(&bytes(self.context));
        head[32..64].copy_from_slice(&bytes(turn));
        head[64..72].copy_from_slice(&(scope.len() as u64).to_le_bytes());
        head[72] = kind;
        let mut hasher = HighwayHasher::new(Key(self.scope_key));
        hasher.append(&head);
        append(&mut hasher, grammar.as_bytes());
        for part in scope {
            append(&mut hasher, part.as_ref());
        }
        bytes(hasher.finalize256())
    }
}

/// Hashes a part after its length; most are short, and one piece is cheaper than two.
fn append(hasher: &mut HighwayHasher, part: &[u8]) {
    let mut piece = [0; 64];
    piece[..8].copy_from_slice(&(part.len() as u64).to_le_bytes());
    match piece.get_mut(8..8 + part.len()) {
        Some(rest) => {
            rest.copy_from_slice(part);
            hasher.append(&piece[..8 + part.len()]);
        }
        None => {
            hasher.append(&piece[..8]);
            hasher.append(part);
        }
    }
}

fn bytes(words: [u64; 4]) -> Digest {
    let mut bytes = [0; 32];
    for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
