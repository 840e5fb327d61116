//! The encodings of bytes and text in a pickle. Each reader passes the decoded bytes to a [`Sink`] piece by
//! piece.

use std::io::Read;

use super::numpy::Sink;
use super::source::Source;
use crate::{Error, Result};

/// Reads `length` bytes without decoding.
pub fn raw(source: &mut Source<impl Read>, length: u64, sink: &mut Sink) -> Result<()> {
    let mut left = length;
    while left > 0 {
        let piece = source.some(left)?;
        sink.push(piece);
        let count = piece.len();
        source.consume(count);
        left -= count as u64;
    }
    Ok(())
}

/// Reads `length` bytes of UTF-8. Returns `false` if the text holds characters outside Latin-1.
pub fn utf8(source: &mut Source<impl Read>, length: u64, sink: &mut Sink) -> Result<bool> {
    let (mut left, mut lead, mut latin1) = (length, None, true);
    let mut decoded = Vec::new();
    while left > 0 {
        let piece = source.some(left)?;
        decoded.clear();
        for &byte in piece {
            match (lead.take(), byte) {
                (None, 0..0x80) => decoded.push(byte),
                (None, 0xC2 | 0xC3) => lead = Some(byte),
                (Some(lead), 0x80..0xC0) => decoded.push((lead << 6) | (byte & 0x3F)),
                // Continuation bytes of characters outside Latin-1, which nothing uses.
                (None, 0x80..0xC0) if !latin1 => {}
                (None, 0xC4..0xF5) => latin1 = false,
                _ => return Err(Error::data("text that is not UTF-8")),
            }
        }
        let count = piece.len();
        source.consume(count);
        left -= count as u64;
        sink.push(&decoded);
    }
    match lead {
        Some(_) => Err(Error::data("text that ends within a character")),
        None => Ok(latin1),
    }
}

/// Collects decoded bytes, because a sink takes many at once faster than one by one.
struct Gathered<'a> {
    bytes: Vec<u8>,
    sink: &'a mut Sink,
}

impl<'a> Gathered<'a> {
    fn new(sink: &'a mut Sink) -> Self {
        Gathered { bytes: Vec::new(), sink }
    }

    /// Moves all bytes up to the next `special` one, which remains in the source.
    fn plain(&mut self, source: &mut Source<impl Read>, special: impl Fn(u8) -> bool) -> Result<()> {
        loop {
            let piece = source.some(1)?;
            let found = piece.iter().position(|&byte| special(byte));
            let count = found.unwrap_or(piece.len());
            self.extend(&piece[..count]);
            source.consume(count);
            if found.is_some() {
                return Ok(());
            }
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        const MANY: usize = 64 << 10;
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= MANY {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.sink.push(&self.bytes);
        self.bytes.clear();
    }
}

/// Reads a quoted string with Python's escapes, up to the end of its line (protocol 0).
pub fn quoted(source: &mut Source<impl Read>, sink: &mut Sink) -> Result<()> {
    let mut decoded = Gathered::new(sink);
    let quote = source.byte()?;
    if !matches!(quote, b'\'' | b'"') {
        return Err(Error::data("a string without quotes"));
    }
    loop {
        decoded.plain(source, |byte| byte == quote || matches!(byte, b'\\' | b'\n'))?;
        match source.byte()? {
            b'\\' => decoded.extend(&[escape(source)?]),
            b'\n' => return Err(Error::data("a string whose quotes do not close")),
            _ => break,
        }
    }
    decoded.flush();
    match source.byte()? {
        b'\n' => Ok(()),
        _ => Err(Error::data("more text after the closing quote of a string")),
    }
}

/// Reads the escape after a backslash in the `repr` of a Python 2 string.
fn escape(source: &mut Source<impl Read>) -> Result<u8> {
    Ok(match source.byte()? {
        byte @ (b'\\' | b'\'' | b'"') => byte,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'x' => hexadecimal::<2>(source)? as u8,
        other => return Err(Error::data(format!("the escape \\{} in a string", other.escape_ascii()))),
    })
}

/// Reads a line in raw-unicode-escape: Latin-1, with `\u` and four or `\U` and eight hexadecimal digits for a
/// character. Returns `false` if it holds characters outside Latin-1.
pub fn raw_unicode_escape(source: &mut Source<impl Read>, sink: &mut Sink) -> Result<bool> {
    let (mut decoded, mut latin1) = (Gathered::new(sink), true);
    loop {
        decoded.plain(source, |byte| matches!(byte, b'\\' | b'\n'))?;
        if source.byte()? == b'\n' {
            decoded.flush();
            return Ok(latin1);
        }
        let kind = source.some(1)?[0];
        if matches!(kind, b'u' | b'U') {
            source.consume(1);
        }
        let code = match kind {
            b'u' => hexadecimal::<4>(source)?,
            b'U' => hexadecimal::<8>(source)?,
            // A backslash that escapes nothing stands for itself.
            _ => u32::from(b'\\'),
        };
        match u8::try_from(code) {
            Ok(byte) => decoded.extend(&[byte]),
            Err(_) => latin1 = false,
        }
    }
}

fn hexadecimal<const N: usize>(source: &mut Source<impl Read>) -> Result<u32> {
    source.array::<N>()?.iter().try_fold(0, |value: u32, &digit| match char::from(digit).to_digit(16) {
        Some(digit) => Ok((value << 4) | digit),
        None => Err(Error::data("an escape with a digit that is not hexadecimal")),
    })
}
