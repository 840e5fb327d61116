//! One array in NumPy's `.npy` format.

use crate::error::{Error, Result};
use npyz::{NpyFile, TypeChar};
use std::io::{self, Read};
use std::ops::RangeInclusive;

/// The longest header in bytes, as in NumPy.
const MAX_HEADER: usize = 10_000;
/// Size of one element in bytes: enough for names of 1000 characters. A short file could claim any number of
/// empty elements, so these are refused.
const ELEMENT: RangeInclusive<usize> = 1..=4_000;

/// An array of any strides.
pub struct Array {
    pub shape: Vec<usize>,
    /// Distance, in elements, between neighbors along each axis.
    pub strides: Vec<usize>,
    /// The elements in the order of the file.
    pub values: Values,
}

/// Elements, converted from any width and byte order.
pub enum Values {
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Integer(Vec<i64>),
    Text(Vec<String>),
}

impl Values {
    /// The name of the type in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Values::Float32(_) | Values::Float64(_) => "floating point",
            Values::Integer(_) => "integer",
            Values::Text(_) => "text",
        }
    }
}

/// Reads one array up to the end of `reader`. The caller adds the place to errors.
pub fn read(mut reader: impl Read) -> Result<Array> {
    let header = header(&mut reader)?;
    let npy = NpyFile::new(header.chain(&mut reader)).map_err(broken)?;
    let npyz::DType::Plain(dtype) = npy.dtype() else { return Err(unusable(&npy.dtype().descr())) };
    if dtype.num_bytes().is_none_or(|bytes| !ELEMENT.contains(&bytes)) {
        return Err(unusable(&dtype.to_string()));
    }
    let lengths = |axes: &[u64]| axes.iter().map(|&n| n as usize).collect();
    let (shape, strides) = (lengths(npy.shape()), lengths(npy.strides()));
    let values = match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Float, 4) => Values::Float32(npy.into_vec().map_err(broken)?),
        (TypeChar::Float, 8) => Values::Float64(npy.into_vec().map_err(broken)?),
        (TypeChar::Int, 1) => integers::<i8>(npy)?,
        (TypeChar::Int, 2) => integers::<i16>(npy)?,
        (TypeChar::Int, 4) => integers::<i32>(npy)?,
        (TypeChar::Int, 8) => integers::<i64>(npy)?,
        (TypeChar::Uint, 1) => integers::<u8>(npy)?,
        (TypeChar::Uint, 2) => integers::<u16>(npy)?,
        (TypeChar::Uint, 4) => integers::<u32>(npy)?,
        (TypeChar::Uint, 8) => integers::<u64>(npy)?,
        (TypeChar::UnicodeStr | TypeChar::ByteStr, _) => Values::Text(npy.into_vec().map_err(broken)?),
        _ => return Err(unusable(&dtype.to_string())),
    };
    // A zip archive verifies its checksum only when it is read to the end.
    match reader.read(&mut [0]).map_err(broken)? {
        0 => Ok(Array { shape, strides, values }),
        _ => Err(Error::data(format!("has more bytes than its shape {shape:?} needs"))),
    }
}

/// Reads the bytes before the data. Accepts only plain arrays of possible sizes, such as `{'descr': '<f4',
/// 'fortran_order': False, 'shape': (3, 4), }`, because npyz recurses without limit on nested brackets and
/// multiplies the axes without checking for overflow.
fn header(reader: &mut impl Read) -> Result<io::Cursor<Vec<u8>>> {
    let mut bytes = vec![0; 8];
    reader.read_exact(&mut bytes).map_err(broken)?;
    if &bytes[..6] != b"\x93NUMPY" {
        return Err(Error::data("this is not a .npy array: it does not begin with \\x93NUMPY"));
    }
    let width = if bytes[6] == 1 { 2 } else { 4 };
    let mut length = [0; 4];
    reader.read_exact(&mut length[..width]).map_err(broken)?;
    bytes.extend(&length[..width]);
    let (start, length) = (bytes.len(), u32::from_le_bytes(length) as usize);
    if length > MAX_HEADER {
        return Err(Error::data(format!("a header of {length} bytes, expected at most {MAX_HEADER}")));
    }
    bytes.resize(start + length, 0);
    reader.read_exact(&mut bytes[start..]).map_err(broken)?;
    let text = String::from_utf8_lossy(&bytes[start..]);
    let elements = shape(&text).and_then(|axes| axes.iter().try_fold(1_u64, |n, &m| n.checked_mul(m.max(1))));
    if elements.is_none() || text.matches(['(', '[', '{']).count() != 2 {
        return Err(unusable(text.trim_end()));
    }
    Ok(io::Cursor::new(bytes))
}

fn shape(header: &str) -> Option<Vec<u64>> {
    let (_, rest) = header.split_once('(')?;
    let (axes, _) = rest.split_once(')')?;
    axes.split(',').map(str::trim).filter(|axis| !axis.is_empty()).map(|axis| axis.parse().ok()).collect()
}

fn integers<T: npyz::Deserialize + TryInto<i64>>(npy: NpyFile<impl Read>) -> Result<Values> {
    let stored = npy.into_vec::<T>().map_err(broken)?;
    let converted: Option<_> = stored.into_iter().map(|value| value.try_into().ok()).collect();
    converted.map(Values::Integer).ok_or_else(|| Error::data("holds an integer beyond the range of i64"))
}

fn unusable(found: &str) -> Error {
    Error::data(format!("holds {found}, expected plain float32, float64, integers or text"))
        .hint("convert it with `.astype(...)`; arrays of objects are pickles and are not read")
}

fn broken(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "ends too early: the file is truncated".into(),
        _ => format!("is damaged: {error}"),
    };
    Error::data(message).caused_by(error)
}
