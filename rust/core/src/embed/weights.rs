//! Files of weights: mapped, checked once, read in place.

#![expect(unsafe_code, reason = "maps a file")]

use super::EmbedError;
use crate::json::Reader;
use memmap2::Mmap;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Maps a file and checks that it is the one meant.
pub(super) fn map(path: &Path, sha256: &str) -> Result<Mmap, EmbedError> {
    let missing = |cause| EmbedError::Missing {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(missing)?;
    // SAFETY: the weights of an installed package are not written to while they are in use; should they be truncated
    // under us, the process ends with SIGBUS rather than reading foreign memory.
    let mapped = unsafe { Mmap::map(&file) }.map_err(missing)?;
    let found = hex(&Sha256::digest(&mapped));
    if found != sha256 {
        return Err(EmbedError::foreign(
            path,
            format!("its sha256 is {found}, not {sha256}"),
        ));
    }
    Ok(mapped)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[derive(Debug)]
/// A mapped `.safetensors` file: a length, a JSON header, then the tensors' bytes.
pub(super) struct Safetensors {
    path: PathBuf,
    mapped: Mmap,
    tensors: HashMap<String, Tensor>,
}

#[derive(Debug, Default)]
pub(super) struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

impl Safetensors {
    pub fn open(path: &Path, sha256: &str) -> Result<Self, EmbedError> {
        let mapped = map(path, sha256)?;
        let tensors =
            header(&mapped).ok_or_else(|| EmbedError::foreign(path, "no safetensors header"))?;
        Ok(Self {
            path: path.to_owned(),
            mapped,
            tensors,
        })
    }

    /// Where a tensor of this type and shape lies in the file.
    pub fn range(
        &self,
        name: &str,
        dtype: &str,
        shape: &[usize],
    ) -> Result<Range<usize>, EmbedError> {
        let tensor = self.tensors.get(name);
        match tensor
            .filter(|t| t.dtype == dtype && t.shape == shape && t.bytes.end <= self.mapped.len())
        {
            Some(tensor) => Ok(tensor.bytes.clone()),
            None => Err(EmbedError::foreign(
                &self.path,
                format!("no tensor {name} of {dtype} {shape:?}"),
            )),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.mapped
    }

    /// A float32 tensor, copied out.
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EmbedError> {
        let range = self.range(name, "F32", shape)?;
        if range.len() != 4 * shape.iter().product::<usize>() {
            return Err(EmbedError::foreign(
                &self.path,
                format!("tensor {name} has the wrong length"),
            ));
        }
        Ok(floats(&self.mapped[range]).collect())
    }
}

/// Little-endian float32s.
pub(super) fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
}

pub(super) fn header(bytes: &[u8]) -> Option<HashMap<String, Tensor>> {
    let length = u64::from_le_bytes(*bytes.first_chunk::<8>()?) as usize;
    let start = length.checked_add(8)?;
    let mut tensors = HashMap::new();
    let walked = Reader::new(bytes.get(8..start)?).members(|name, raw| {
        if name != "__metadata__" {
            tensors.insert(name.to_owned(), tensor(raw, start)?);
        }
        Ok(())
    });
    walked.is_ok().then_some(tensors)
}

fn tensor(raw: &[u8], start: usize) -> Result<Tensor, crate::json::Malformed> {
    let mut tensor = Tensor::default();
    let numbers = |raw| -> Result<Vec<usize>, crate::json::Malformed> {
        let mut numbers = Vec::new();
        Reader::new(raw).items(|item| {
            let text = std::str::from_utf8(item).unwrap_or_default();
            numbers.push(text.parse().map_err(|_| crate::json::Malformed { at: 0 })?);
            Ok(())
        })?;
        Ok(numbers)
    };
    Reader::new(raw).members(|key, value| {
        match key {
            "dtype" => tensor.dtype = Reader::new(value).string()?.into_owned(),
            "shape" => tensor.shape = numbers(value)?,
            "data_offsets" => {
                if let [from, to] = numbers(value)?[..] {
                    tensor.bytes = from.saturating_add(start)..to.saturating_add(start);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_or_refused() {
        let json = br#"{"__metadata__":{"a":"b"},"t":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}"#;
        let file = [
            &(json.len() as u64).to_le_bytes(),
            json.as_slice(),
            &[0; 12],
        ]
        .concat();
        let tensors = header(&file).unwrap();
        assert_eq!(
            (tensors["t"].dtype.as_str(), &tensors["t"].shape[..]),
            ("F16", &[2, 3][..])
        );
        assert_eq!(tensors["t"].bytes, 8 + json.len()..20 + json.len());
        for cut in 0..8 + json.len() {
            assert!(header(&file[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn only_the_file_that_is_meant_is_mapped() {
        let path = std::env::temp_dir().join(format!("gateway-weights-{}", std::process::id()));
        std::fs::write(&path, b"abc").unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mapped = map(&path, sha256).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(&mapped[..], b"abc");
        assert!(matches!(
            map(&path, sha256),
            Err(EmbedError::Missing { .. })
        ));
        std::fs::write(&path, b"abd").unwrap();
        let foreign = map(&path, sha256);
        std::fs::remove_file(&path).unwrap();
        assert!(foreign.is_err_and(|error| error.to_string().contains("sha256")));
    }
}
