//! MiniLM's six layers of BERT: linear layers in int8, the rest in float32.

use super::gemm::{Bytes, Linear};
use super::weights::{Safetensors, floats};
use super::{Cpu, EmbedError, attention, vector};
use std::ops::Range;

pub(super) const WIDTH: usize = 384;
const INNER: usize = 1536;
const LAYERS: usize = 6;
const HEADS: usize = 12;
pub(super) const WORDS: usize = 30_522;
const POSITIONS: usize = 512;

#[derive(Debug)]
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention: Linear,
    attention_norm: Norm,
    inner: Linear,
    output: Linear,
    output_norm: Norm,
}

/// The encoder; words' vectors stay in the mapped file.
#[derive(Debug)]
pub(super) struct Encoder {
    weights: Safetensors,
    words: Range<usize>,
    /// Position and segment, which always come together.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    cpu: Cpu,
}

impl Encoder {
    pub fn new(weights: Safetensors, cpu: Cpu) -> Result<Self, EmbedError> {
        let words = weights.range("embeddings.word_embeddings.weight", "F32", &[WORDS, WIDTH])?;
        let mut positions =
            weights.floats("embeddings.position_embeddings.weight", &[POSITIONS, WIDTH])?;
        let segments = weights.floats("embeddings.token_type_embeddings.weight", &[2, WIDTH])?;
        for position in positions.chunks_exact_mut(WIDTH) {
            vector::add(cpu, &segments[..WIDTH], position);
        }
        let norm = norm(&weights, "embeddings.LayerNorm")?;
        let layers = (0..LAYERS)
            .map(|layer| Layer::read(&weights, layer))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            weights,
            words,
            positions,
            norm,
            layers,
            cpu,
        })
    }

    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Adds the last layer's rows of `ids` to `out`. At most 512 ids; an id past the words counts as nothing.
    pub fn add(&self, ids: &[u32], out: &mut [f32]) {
        let mut rows = self.embed(ids);
        let mut scratch = Scratch::new(ids.len());
        for layer in &self.layers {
            layer.apply(self.cpu, &mut rows, &mut scratch);
        }
        for row in rows.chunks_exact(WIDTH) {
            vector::add(self.cpu, row, out);
        }
    }

    fn embed(&self, ids: &[u32]) -> Vec<f32> {
        let (words, _) = self.weights.bytes()[self.words.clone()].as_chunks::<{ 4 * WIDTH }>();
        let mut rows = self.positions[..ids.len() * WIDTH].to_vec();
        for (id, row) in ids.iter().zip(rows.chunks_exact_mut(WIDTH)) {
            if let Some(word) = words.get(*id as usize) {
                floats(word).zip(row).for_each(|(x, sum)| *sum += x);
            }
        }
        vector::layer_norm(self.cpu, &mut rows, &self.norm.weight, &self.norm.bias);
        rows
    }
}

/// Room for one pass, kept from layer to layer.
struct Scratch {
    bytes: Bytes,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    mixed: Vec<f32>,
    inner: Vec<f32>,
    room: attention::Room,
}

impl Scratch {
    fn new(rows: usize) -> Self {
        let row = || vec![0.0; rows * WIDTH];
        Self {
            bytes: Bytes::default(),
            query: row(),
            key: row(),
            value: row(),
            mixed: row(),
            inner: vec![0.0; rows * INNER],
            room: attention::Room::default(),
        }
    }
}

impl Layer {
    fn read(weights: &Safetensors, layer: usize) -> Result<Self, EmbedError> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let square = |part: &str| linear(weights, &name(part), WIDTH, WIDTH);
        Ok(Self {
            query: square("attention.self.query")?,
            key: square("attention.self.key")?,
            value: square("attention.self.value")?,
            attention: square("attention.output.dense")?,
            attention_norm: norm(weights, &name("attention.output.LayerNorm"))?,
            inner: linear(weights, &name("intermediate.dense"), INNER, WIDTH)?,
            output: linear(weights, &name("output.dense"), WIDTH, INNER)?,
            output_norm: norm(weights, &name("output.LayerNorm"))?,
        })
    }

    fn apply(&self, cpu: Cpu, rows: &mut [f32], scratch: &mut Scratch) {
        let Scratch {
            bytes,
            query,
            key,
            value,
            mixed,
            inner,
            room,
        } = scratch;
        bytes.quantise(cpu, rows, WIDTH);
        self.query.apply(cpu, bytes, query);
        self.key.apply(cpu, bytes, key);
        self.value.apply(cpu, bytes, value);
        attention::attend(cpu, HEADS, [query, key, value], mixed, room);
        bytes.quantise(cpu, mixed, WIDTH);
        self.attention.apply(cpu, bytes, query);
        vector::add(cpu, query, rows);
        vector::layer_norm(
            cpu,
            rows,
            &self.attention_norm.weight,
            &self.attention_norm.bias,
        );
        bytes.quantise(cpu, rows, WIDTH);
        self.inner.apply(cpu, bytes, inner);
        vector::gelu(cpu, inner);
        bytes.quantise(cpu, inner, INNER);
        self.output.apply(cpu, bytes, query);
        vector::add(cpu, query, rows);
        vector::layer_norm(cpu, rows, &self.output_norm.weight, &self.output_norm.bias);
    }
}

fn norm(weights: &Safetensors, name: &str) -> Result<Norm, EmbedError> {
    Ok(Norm {
        weight: weights.floats(&format!("{name}.weight"), &[WIDTH])?,
        bias: weights.floats(&format!("{name}.bias"), &[WIDTH])?,
    })
}

fn linear(
    weights: &Safetensors,
    name: &str,
    outputs: usize,
    inputs: usize,
) -> Result<Linear, EmbedError> {
    let rows = weights.floats(&format!("{name}.weight"), &[outputs, inputs])?;
    Ok(Linear::new(
        &rows,
        weights.floats(&format!("{name}.bias"), &[outputs])?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u32, size: f32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| (i ^ seed << 20).wrapping_mul(2_654_435_761) >> 8)
            .map(|hash| (hash as f32 / 8_388_608.0 - 1.0) * size)
            .collect()
    }

    fn layer() -> Layer {
        let linear = |seed, outputs: usize, inputs: usize| {
            Linear::new(
                &noise(outputs * inputs, seed, 0.1),
                noise(outputs, seed, 0.5),
            )
        };
        let norm = |seed| Norm {
            weight: noise(WIDTH, seed, 1.5),
            bias: noise(WIDTH, seed + 1, 0.5),
        };
        Layer {
            query: linear(1, WIDTH, WIDTH),
            key: linear(2, WIDTH, WIDTH),
            value: linear(3, WIDTH, WIDTH),
            attention: linear(4, WIDTH, WIDTH),
            attention_norm: norm(5),
            inner: linear(7, INNER, WIDTH),
            output: linear(8, WIDTH, INNER),
            output_norm: norm(9),
        }
    }

    #[test]
    fn a_layer_gives_the_same_bits_everywhere() {
        let layer = layer();
        for count in [1, 27] {
            let run = |cpu| {
                let mut rows = noise(count * WIDTH, 11, 2.0);
                layer.apply(cpu, &mut rows, &mut Scratch::new(count));
                rows.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            let expected = run(Cpu::Portable);
            for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                assert!(run(cpu) == expected, "{} on {count} rows", cpu.name());
            }
        }
    }
}
