//! Keys, tokens, passwords in addresses, private keys.

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

/// What may follow a prefix.
#[derive(Clone, Copy)]
enum Tail {
    /// Letters, digits, `_` and `-`, this many or more, a digit among them: words joined by hyphens have none.
    Token(usize),
    /// The same, perhaps without a digit.
    Word(usize),
    /// Exactly this many capitals and digits.
    Capitals(usize),
    /// Two more parts after dots.
    Jwt,
    /// After white space, a token of any alphabet.
    Bearer,
    /// `user:password@`
    Address,
    /// A private key, up to its end line.
    Block,
}

const PREFIXES: &[(&str, Tail)] = &[
    ("sk-gw-", Tail::Word(8)),
    ("sk-", Tail::Token(16)),
    ("sk_live_", Tail::Word(10)),
    ("sk_test_", Tail::Word(10)),
    ("rk_live_", Tail::Word(10)),
    ("rk_test_", Tail::Word(10)),
    ("whsec_", Tail::Token(16)),
    ("ghp_", Tail::Token(20)),
    ("gho_", Tail::Token(20)),
    ("ghu_", Tail::Token(20)),
    ("ghs_", Tail::Token(20)),
    ("ghr_", Tail::Token(20)),
    ("github_pat_", Tail::Word(20)),
    ("glpat-", Tail::Word(16)),
    ("AKIA", Tail::Capitals(16)),
    ("ASIA", Tail::Capitals(16)),
    ("AIza", Tail::Word(35)),
    ("xoxa-", Tail::Token(10)),
    ("xoxb-", Tail::Token(10)),
    ("xoxe-", Tail::Token(10)),
    ("xoxp-", Tail::Token(10)),
    ("xoxr-", Tail::Token(10)),
    ("xoxs-", Tail::Token(10)),
    ("xapp-", Tail::Token(10)),
    ("gsk_", Tail::Token(20)),
    ("xai-", Tail::Token(20)),
    ("hf_", Tail::Word(20)),
    ("r8_", Tail::Token(20)),
    ("pplx-", Tail::Token(20)),
    ("nvapi-", Tail::Token(20)),
    ("lsv2_pt_", Tail::Token(20)),
    ("npm_", Tail::Token(30)),
    ("pypi-", Tail::Token(30)),
    ("dop_v1_", Tail::Token(32)),
    ("shpat_", Tail::Token(24)),
    ("eyJ", Tail::Jwt),
    ("Bearer", Tail::Bearer),
    ("bearer", Tail::Bearer),
    ("://", Tail::Address),
    ("-----BEGIN ", Tail::Block),
];

/// Finds the beginnings of secrets.
#[derive(Debug)]
pub(super) struct Secrets(AhoCorasick);

impl Secrets {
    pub fn new() -> Self {
        let prefixes = PREFIXES.iter().map(|(prefix, _)| prefix);
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(prefixes);
        Secrets(search.expect("forty short literals compile"))
    }

    /// Calls `found` with the places of all secrets. A tail is read once: what begins inside it is not looked at.
    pub fn find(&self, bytes: &[u8], mut found: impl FnMut(usize, usize)) {
        let mut after = 0;
        for prefix in self.0.find_iter(bytes) {
            if prefix.start() < after {
                continue;
            }
            let tail = PREFIXES[prefix.pattern().as_usize()].1;
            let joined = prefix.start() > 0 && token(&bytes[prefix.start() - 1]);
            if joined && !matches!(tail, Tail::Address | Tail::Block) {
                continue;
            }
            let (start, end) = tail.read(bytes, prefix.start(), prefix.end());
            if start < end {
                found(start, end);
            }
            after = end;
        }
    }
}

fn token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-'
}

fn run(bytes: &[u8], from: usize, part: impl Fn(&u8) -> bool) -> usize {
    from + bytes[from..].iter().take_while(|byte| part(byte)).count()
}

impl Tail {
    /// The secret whose prefix is `start..from`; an empty place at what was read if it is none.
    fn read(self, bytes: &[u8], start: usize, from: usize) -> (usize, usize) {
        let keep = |good: bool, end: usize| if good { (start, end) } else { (end, end) };
        match self {
            Tail::Token(least) => {
                let end = run(bytes, from, token);
                keep(
                    end - from >= least && bytes[from..end].iter().any(u8::is_ascii_digit),
                    end,
                )
            }
            Tail::Word(least) => {
                let end = run(bytes, from, token);
                keep(end - from >= least, end)
            }
            Tail::Capitals(count) => {
                let end = run(bytes, from, |byte| token(byte) && *byte != b'-');
                let capital = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
                keep(
                    end - from == count && bytes[from..end].iter().all(capital),
                    end,
                )
            }
            Tail::Jwt => jwt(bytes, start, from),
            Tail::Bearer => bearer(bytes, from),
            Tail::Address => address(bytes, from),
            Tail::Block => block(bytes, start, from),
        }
    }
}

fn jwt(bytes: &[u8], start: usize, from: usize) -> (usize, usize) {
    let header = run(bytes, from, token);
    if header - from < 8
        || bytes.get(header) != Some(&b'.')
        || !bytes[header + 1..].starts_with(b"eyJ")
    {
        return (header, header);
    }
    let claims = run(bytes, header + 1, token);
    if bytes.get(claims) != Some(&b'.') {
        return (start, claims);
    }
    (start, run(bytes, claims + 1, token))
}

fn bearer(bytes: &[u8], from: usize) -> (usize, usize) {
    let begin = run(bytes, from, |byte| matches!(byte, b' ' | b':' | b'='));
    let end = run(bytes, begin, |byte| token(byte) || b"./+~=".contains(byte));
    let secret =
        begin > from && end - begin >= 16 && bytes[begin..end].iter().any(u8::is_ascii_digit);
    if secret { (begin, end) } else { (end, end) }
}

/// The password only: the rest of the address says where, which a model may need.
fn address(bytes: &[u8], from: usize) -> (usize, usize) {
    let end = run(bytes, from, |byte| {
        !byte.is_ascii_whitespace() && !b"/@\"'<>".contains(byte)
    });
    let colon = bytes[from..end].iter().position(|byte| *byte == b':');
    match colon {
        Some(colon) if bytes.get(end) == Some(&b'@') && colon + 1 < end - from => {
            (from + colon + 1, end)
        }
        // Nothing else in it was looked for: a token may begin right here.
        _ => (from, from),
    }
}

/// A block without an end line is one to the end of the text: better too much than a key.
fn block(bytes: &[u8], start: usize, from: usize) -> (usize, usize) {
    let line = run(bytes, from, |byte| {
        byte.is_ascii_uppercase() || *byte == b' ' || byte.is_ascii_digit()
    });
    if !bytes[from..line].ends_with(b"PRIVATE KEY")
        && !bytes[from..line].ends_with(b"PRIVATE KEY BLOCK")
    {
        return (line, line);
    }
    let end = memmem::find(&bytes[line..], b"-----END ").map_or(bytes.len(), |at| {
        let label = run(bytes, line + at + 9, |byte| {
            byte.is_ascii_uppercase() || *byte == b' ' || byte.is_ascii_digit()
        });
        run(bytes, label, |byte| *byte == b'-')
    });
    (start, end)
}
