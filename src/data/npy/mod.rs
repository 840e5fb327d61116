//! NumPy's `.npy` format: one array, in versions 1 to 3, read strictly and written as NumPy does.
//!
//! The reader allocates nothing that the file does not hold: the sizes in a header are compared with the
//! length of the file first.

mod elements;
mod header;

use crate::error::{Error, Result};
use header::Header;
use std::borrow::Borrow;
use std::io::{Read, Write};

/// An array of any strides.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// Distance, in elements, between neighbors along each axis.
    pub strides: Vec<usize>,
    /// The elements in the order of the file.
    pub values: Values,
}

/// Elements, converted from any width and byte order without rounding.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `float16` and `float32`.
    Float32(Vec<f32>),
    /// `float64`.
    Float64(Vec<f64>),
    /// Integers of any width, with and without sign.
    Integer(Vec<i64>),
    /// `bool`.
    Bool(Vec<bool>),
    /// Texts, of Unicode (`U`) or bytes (`S`).
    Text(Vec<String>),
}

impl Values {
    /// The name of the type in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Values::Float32(_) | Values::Float64(_) => "floating point",
            Values::Integer(_) => "integer",
            Values::Bool(_) => "bool",
            Values::Text(_) => "text",
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::Float32(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Integer(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `index` as a number; `None` for text and for integers that `f64` would round.
    pub fn number(&self, index: usize) -> Option<f64> {
        match self {
            Values::Float32(values) => Some(f64::from(values[index])),
            Values::Float64(values) => Some(values[index]),
            Values::Integer(values) => {
                let value = values[index];
                (value as f64 as i128 == i128::from(value)).then_some(value as f64)
            }
            Values::Bool(values) => Some(f64::from(u8::from(values[index]))),
            Values::Text(_) => None,
        }
    }
}

impl Array {
    /// An array in C order.
    pub fn new(shape: Vec<usize>, values: Values) -> Self {
        Array { strides: header::strides(&shape, false), shape, values }
    }
}

/// Reads the array of a file of `length` bytes. The caller adds the place to errors.
///
/// # Errors
///
/// [`ErrorKind::Data`](crate::ErrorKind::Data) for a header that NumPy does not write, a type that is none of
/// [`Values`], and a length that the shape does not have.
pub fn read(mut reader: impl Read, length: u64) -> Result<Array> {
    let (header, size) = Header::read(&mut reader)?;
    let count = header.fit(length.saturating_sub(size))?;
    let values = elements::read(&mut reader, header.dtype, count)?;
    // A zip archive verifies its checksum only when it is read to the end.
    match reader.read(&mut [0]).map_err(broken)? {
        0 => {}
        _ => return Err(header.has_more()),
    }
    Ok(Array { strides: header::strides(&header.shape, header.is_fortran), shape: header.shape, values })
}

/// Writes an array of this shape in C order, little-endian, as `float32`, `float64`, `int64`, `bool` or
/// Unicode. Its elements may come in several parts of one kind, so that a large array need not be in memory;
/// text comes in one, because its longest element decides the type.
///
/// # Errors
///
/// Those of `out`.
///
/// # Panics
///
/// Without a part, for parts of different types, and if the shape has another number of elements.
pub fn write(
    mut out: impl Write,
    shape: &[usize],
    parts: impl IntoIterator<Item = impl Borrow<Values>>,
) -> std::io::Result<()> {
    let mut parts = parts.into_iter();
    let first = parts.next().expect("an array has a part, if an empty one");
    let descr = elements::descr(first.borrow());
    out.write_all(&header::write(&descr, shape))?;
    elements::write(&mut out, first.borrow())?;
    let mut count = first.borrow().len();
    for part in parts {
        assert_eq!(elements::descr(part.borrow()), descr, "all parts have one type");
        elements::write(&mut out, part.borrow())?;
        count += part.borrow().len();
    }
    assert_eq!(shape.iter().product::<usize>(), count, "a value for each element of {shape:?}");
    Ok(())
}

fn broken(error: std::io::Error) -> Error {
    let message = match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "ends too early: the file is truncated".into(),
        _ => format!("is damaged: {error}"),
    };
    Error::data(message).caused_by(error)
}
