//! Any tokenizer file is read or refused, and what is read encodes any text to ids of its own; any header likewise.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| gateway_core::embed::fuzz(bytes));
