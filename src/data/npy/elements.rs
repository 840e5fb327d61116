//! The elements of an array: their types, and their bytes.

use super::fault::{broken, unusable};
use super::values::Values;
use crate::error::{Error, Result};
use half::f16;
use std::io::{self, Read, Write};

/// Elements that are converted at once.
const BLOCK: usize = 8192;
/// The longest text in characters. A short file could claim any number of empty ones.
const LONGEST_TEXT: usize = 1000;

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dtype {
    kind: Kind,
    /// Bytes of an element.
    pub size: usize,
    is_big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    Unicode,
    Bytes,
}

impl Dtype {
    /// From `<f4`: byte order, kind, and size in bytes, or in characters of Unicode.
    pub fn parse(descr: &str) -> Result<Dtype> {
        let parse = || {
            let is_big_endian = match descr.chars().next()? {
                '<' | '|' => false,
                '>' => true,
                _ => return None,
            };
            let size: usize = descr.get(2..)?.parse().ok()?;
            let (kind, size) = match (&descr[1..2], size) {
                ("b", 1) => (Kind::Bool, 1),
                ("i", 1 | 2 | 4 | 8) => (Kind::Signed, size),
                ("u", 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
                ("f", 2 | 4 | 8) => (Kind::Float, size),
                ("U", 1..=LONGEST_TEXT) => (Kind::Unicode, 4 * size),
                ("S", 1..=LONGEST_TEXT) => (Kind::Bytes, size),
                _ => return None,
            };
            Some(Dtype { kind, size, is_big_endian })
        };
        // Characters that are not ASCII have no place in it, and would not split.
        if descr.is_ascii() { parse() } else { None }.ok_or_else(|| unusable(descr))
    }
}

/// Reads `count` elements, of which the file has the bytes.
pub fn read(reader: &mut impl Read, dtype: Dtype, count: usize) -> Result<Values> {
    let Dtype { kind, size, is_big_endian: big } = dtype;
    Ok(match (kind, size) {
        (Kind::Float, 2) => {
            Values::Float32(fixed(reader, count, big, |bytes| Ok(f16::from_le_bytes(bytes).to_f32()))?)
        }
        (Kind::Float, 4) => {
            Values::Float32(fixed(reader, count, big, |bytes| Ok(f32::from_le_bytes(bytes)))?)
        }
        (Kind::Float, _) => {
            Values::Float64(fixed(reader, count, big, |bytes| Ok(f64::from_le_bytes(bytes)))?)
        }
        (Kind::Signed, 1) => integers(reader, count, big, i8::from_le_bytes)?,
        (Kind::Signed, 2) => integers(reader, count, big, i16::from_le_bytes)?,
        (Kind::Signed, 4) => integers(reader, count, big, i32::from_le_bytes)?,
        (Kind::Signed, _) => integers(reader, count, big, i64::from_le_bytes)?,
        (Kind::Unsigned, 1) => integers(reader, count, big, u8::from_le_bytes)?,
        (Kind::Unsigned, 2) => integers(reader, count, big, u16::from_le_bytes)?,
        (Kind::Unsigned, 4) => integers(reader, count, big, u32::from_le_bytes)?,
        (Kind::Unsigned, _) => integers(reader, count, big, u64::from_le_bytes)?,
        (Kind::Bool, _) => Values::Bool(fixed(reader, count, big, |[byte]| match byte {
            0 | 1 => Ok(byte == 1),
            _ => Err(Error::data(format!("holds the byte {byte}, expected 0 or 1 for bool"))),
        })?),
        (Kind::Unicode | Kind::Bytes, _) => Values::Text(texts(reader, dtype, count)?),
    })
}

fn integers<const N: usize, T: TryInto<i64>>(
    reader: &mut impl Read,
    count: usize,
    big: bool,
    value: fn([u8; N]) -> T,
) -> Result<Values> {
    let value = |bytes| {
        value(bytes).try_into().map_err(|_| Error::data("holds an integer beyond the range of int64"))
    };
    Ok(Values::Integer(fixed(reader, count, big, value)?))
}

/// Elements of `N` bytes. `value` takes them in little-endian order.
fn fixed<const N: usize, T>(
    reader: &mut impl Read,
    count: usize,
    big: bool,
    value: impl Fn([u8; N]) -> Result<T>,
) -> Result<Vec<T>> {
    let mut values = room(count)?;
    let mut block = vec![0; N * BLOCK.min(count)];
    while values.len() < count {
        let bytes = &mut block[..N * BLOCK.min(count - values.len())];
        reader.read_exact(bytes).map_err(broken)?;
        for element in bytes.as_chunks_mut::<N>().0 {
            if big {
                element.reverse();
            }
            values.push(value(*element)?);
        }
    }
    Ok(values)
}

/// Texts without the zeros that fill them up.
fn texts(reader: &mut impl Read, dtype: Dtype, count: usize) -> Result<Vec<String>> {
    let mut values = room(count)?;
    let mut bytes = vec![0; dtype.size];
    for index in 0..count {
        reader.read_exact(&mut bytes).map_err(broken)?;
        let text = match dtype.kind {
            Kind::Unicode => unicode(&bytes, dtype.is_big_endian),
            _ => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                String::from_utf8(bytes[..end].to_vec()).ok()
            }
        };
        values.push(text.ok_or_else(|| Error::data(format!("element {index} is not text in Unicode")))?);
    }
    Ok(values)
}

fn unicode(bytes: &[u8], is_big_endian: bool) -> Option<String> {
    let code = |&bytes| match is_big_endian {
        true => u32::from_be_bytes(bytes),
        false => u32::from_le_bytes(bytes),
    };
    let text: Option<String> = bytes.as_chunks().0.iter().map(|bytes| char::from_u32(code(bytes))).collect();
    text.map(|text| text.trim_end_matches('\0').to_string())
}

fn room<T>(count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|error| {
        Error::data(format!("holds {count} elements, more than fit into memory")).caused_by(error)
    })?;
    Ok(values)
}

/// The type as which [`write`] stores the values.
pub fn descr(values: &Values) -> String {
    match values {
        Values::Float32(_) => "<f4".into(),
        Values::Float64(_) => "<f8".into(),
        Values::Integer(_) => "<i8".into(),
        Values::Bool(_) => "|b1".into(),
        Values::Text(texts) => format!("<U{}", width(texts)),
    }
}

/// Characters of the longest text; 1 of empty ones, as in NumPy.
fn width(texts: &[String]) -> usize {
    texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1)
}

/// Writes the elements, little-endian.
pub fn write(out: impl Write, values: &Values) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    match values {
        Values::Float32(values) => values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?,
        Values::Float64(values) => values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?,
        Values::Integer(values) => values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?,
        Values::Bool(values) => values.iter().try_for_each(|&value| out.write_all(&[u8::from(value)]))?,
        Values::Text(texts) => {
            let width = width(texts);
            for text in texts {
                let filled = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
                filled.into_iter().try_for_each(|code| out.write_all(&code.to_le_bytes()))?;
            }
        }
    }
    out.flush()
}
