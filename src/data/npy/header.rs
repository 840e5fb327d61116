//! The header of an array: a Python dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3,
//! 4), }`.
//!
//! The parser knows this dictionary and nothing else of Python, so nothing can be nested and it needs no
//! recursion.

use super::elements::Dtype;
use super::fault::{broken, unusable};
use crate::error::{Error, Result};
use std::io::Read;

/// The first bytes of an array.
pub const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header in bytes, as in NumPy.
const LONGEST: usize = 10_000;
/// The most axes, as in NumPy.
const MOST_AXES: usize = 64;
/// NumPy aligns the elements by so many bytes.
const ALIGNMENT: usize = 64;

/// The facts that a header states.
pub struct Header {
    pub dtype: Dtype,
    pub is_fortran: bool,
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads the bytes before the elements, and returns their number, too.
    pub fn read(reader: &mut impl Read) -> Result<(Header, u64)> {
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(broken)?;
        if &start[..6] != MAGIC {
            return Err(Error::data("this is not a .npy array: it does not begin with \\x93NUMPY"));
        }
        let (version, width) = match start[6..] {
            [1, 0] => (1, 2),
            [version @ (2 | 3), 0] => (version, 4),
            _ => {
                return Err(Error::data(format!(
                    "format version {}.{}, expected 1.0, 2.0 or 3.0",
                    start[6], start[7]
                )));
            }
        };
        let mut length = [0; 4];
        reader.read_exact(&mut length[..width]).map_err(broken)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST {
            return Err(Error::data(format!("a header of {length} bytes, expected at most {LONGEST}")));
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).map_err(broken)?;
        let text = match version {
            // Versions 1 and 2 are Latin-1.
            1 | 2 => bytes.iter().map(|&byte| char::from(byte)).collect(),
            _ => String::from_utf8(bytes)
                .map_err(|e| Error::data("a header that is not UTF-8").caused_by(e))?,
        };
        Ok((Header::parse(&text)?, (start.len() + width + length) as u64))
    }

    fn parse(text: &str) -> Result<Header> {
        let refused = || unusable(&text.trim_end().chars().take(200).collect::<String>());
        let mut parser = Parser { rest: text };
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        parser.expect('{').ok_or_else(refused)?;
        while !parser.accept('}') {
            let key = parser.text().ok_or_else(refused)?;
            parser.expect(':').ok_or_else(refused)?;
            let fresh = match key {
                "descr" => descr.replace(parser.text().ok_or_else(refused)?).is_none(),
                "fortran_order" => is_fortran.replace(parser.boolean().ok_or_else(refused)?).is_none(),
                "shape" => shape.replace(parser.tuple().ok_or_else(refused)?).is_none(),
                _ => false,
            };
            let goes_on = parser.accept(',');
            if !fresh || !(goes_on || parser.rest.starts_with('}')) {
                return Err(refused());
            }
        }
        match (descr, is_fortran, shape) {
            (Some(descr), Some(is_fortran), Some(shape)) if parser.rest.is_empty() => {
                Ok(Header { dtype: Dtype::parse(descr)?, is_fortran, shape })
            }
            _ => Err(refused()),
        }
    }

    /// The number of elements, where they fill the `bytes` that follow the header.
    pub fn fit(&self, bytes: u64) -> Result<usize> {
        let shape = &self.shape;
        // An axis of length 0 must not hide that the others are impossible.
        let possible = shape.iter().try_fold(self.dtype.size, |n, &axis| n.checked_mul(axis.max(1)));
        let possible = possible.filter(|&bytes| isize::try_from(bytes).is_ok());
        let count: usize = match possible {
            Some(_) => shape.iter().product(),
            None => return Err(Error::data(format!("shape {shape:?} is larger than any memory"))),
        };
        match ((count * self.dtype.size) as u64).cmp(&bytes) {
            std::cmp::Ordering::Equal => Ok(count),
            std::cmp::Ordering::Less => Err(self.has_more()),
            std::cmp::Ordering::Greater => Err(Error::data(format!(
                "ends too early: {bytes} bytes of elements, and its shape {shape:?} needs {}: the file is truncated",
                count * self.dtype.size
            ))),
        }
    }

    pub fn has_more(&self) -> Error {
        Error::data(format!("has more bytes than its shape {:?} needs", self.shape))
    }
}

/// The part of a header that is not read yet. Each method reads one token and the blanks after it; `None` is
/// another token.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn accept(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.accept(c).then_some(())
    }

    /// A text in single or double quotes, without escapes.
    fn text(&mut self) -> Option<&'a str> {
        let quote = self.rest.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest.trim_start();
        (!text.contains('\\')).then_some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest.trim_start();
                return Some(value);
            }
        }
        None
    }

    /// A tuple of lengths: `()`, `(3,)`, `(3, 4)`. Python 2 wrote long integers as `3L`.
    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.expect('(')?;
        let mut lengths = Vec::new();
        while !self.accept(')') {
            let end = self.rest.find(|c: char| !c.is_ascii_digit())?;
            let (digits, rest) = self.rest.split_at(end);
            self.rest = rest;
            self.accept('L');
            self.rest = self.rest.trim_start();
            lengths.push(digits.parse().ok()?);
            let goes_on = self.accept(',');
            if lengths.len() > MOST_AXES || !(goes_on || (lengths.len() > 1 && self.rest.starts_with(')'))) {
                return None;
            }
        }
        Some(lengths)
    }
}

/// The distance, in elements, between neighbors along each axis.
pub fn strides(shape: &[usize], is_fortran: bool) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut distance = 1;
    let mut set = |axis: usize| {
        strides[axis] = distance;
        distance *= shape[axis].max(1);
    };
    match is_fortran {
        true => (0..shape.len()).for_each(&mut set),
        false => (0..shape.len()).rev().for_each(&mut set),
    }
    strides
}

/// The header of an array in C order, in version 1.0, with the blanks that NumPy adds.
pub fn write(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: String = match shape {
        [length] => format!("{length},"),
        lengths => lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    let start = MAGIC.len() + 4;
    let blanks = ALIGNMENT - 1 - (start + text.len()) % ALIGNMENT;
    text.extend(std::iter::repeat_n(' ', blanks));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("64 axes fit into a header of version 1.0");
    [MAGIC.as_slice(), &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
}
