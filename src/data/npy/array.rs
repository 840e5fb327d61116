//! A whole array, from and to a file.

use super::elements;
use super::fault::broken;
use super::header::{self, Header, strides};
use super::values::Values;
use crate::error::Result;
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

impl Array {
    /// An array in C order.
    pub fn new(shape: Vec<usize>, values: Values) -> Self {
        Array { strides: strides(&shape, false), shape, values }
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
    Ok(Array { strides: strides(&header.shape, header.is_fortran), shape: header.shape, values })
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
