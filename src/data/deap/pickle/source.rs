//! The bytes of one file: buffered, counted and hashed while they are read.

use std::io::{self, BufRead, BufReader, Read};

use crate::{Error, ErrorKind, Result};

/// Size of the buffer in bytes: large enough for few reads, small enough to stay in a core's cache between
/// hashing and conversion.
const BUFFER: usize = 256 << 10;

/// The largest file in bytes. A subject's file has 103 MB; the longest re-save (protocol 0) has about 350 MB.
const LONGEST: u64 = 1 << 30;

/// A file that is read once, in order.
pub struct Source<R> {
    reader: BufReader<Hashing<R>>,
    total: Option<u64>,
}

struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
    read: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.hasher.update(&buffer[..count]);
                    self.read += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}

impl<R: Read> Source<R> {
    /// `total` is the length of the file in bytes, if known. [`Source::announce`] compares lengths with it.
    pub fn new(reader: R, total: Option<u64>) -> Result<Self> {
        if let Some(total) = total
            && total > LONGEST
        {
            return Err(too_long(total));
        }
        let hashing = Hashing { inner: reader, hasher: blake3::Hasher::new(), read: 0 };
        Ok(Source { reader: BufReader::with_capacity(BUFFER, hashing), total })
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.reader.get_ref().read - self.reader.buffer().len() as u64
    }

    pub fn length_known(&self) -> bool {
        self.total.is_some()
    }

    /// The buffered bytes, empty only at the end of the file. [`Source::consume`] removes them.
    pub fn peek(&mut self) -> Result<&[u8]> {
        if self.position() > LONGEST {
            return Err(too_long(self.position()));
        }
        self.reader.fill_buf().map_err(|error| {
            Error::new(ErrorKind::Io, format!("cannot continue reading: {error}")).caused_by(error)
        })
    }

    pub fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }

    /// Between 1 and `wanted` buffered bytes. Fails if the file ends here, because `wanted` more are needed.
    pub fn some(&mut self, wanted: u64) -> Result<&[u8]> {
        if self.peek()?.is_empty() {
            return Err(self.truncated(wanted));
        }
        let ready = self.reader.buffer();
        Ok(&ready[..ready.len().min(usize::try_from(wanted).unwrap_or(usize::MAX))])
    }

    pub fn byte(&mut self) -> Result<u8> {
        let byte = self.some(1)?[0];
        self.consume(1);
        Ok(byte)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        let mut empty = bytes.as_mut_slice();
        while !empty.is_empty() {
            let piece = self.some(empty.len() as u64)?;
            let count = piece.len();
            empty[..count].copy_from_slice(piece);
            self.consume(count);
            empty = &mut empty[count..];
        }
        Ok(bytes)
    }

    /// The line up to the next newline, without it. Such lines hold only names and numbers.
    pub fn line(&mut self) -> Result<String> {
        const LONGEST_LINE: usize = 256;
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                _ if line.len() == LONGEST_LINE => {
                    return Err(Error::data(format!(
                        "a line of more than {LONGEST_LINE} bytes, expected a name or a number"
                    )));
                }
                byte => line.push(byte),
            }
        }
        String::from_utf8(line)
            .map_err(|error| Error::data("a name or number that is not text").caused_by(error))
    }

    /// Refuses a length that the file cannot hold. Call it before allocating.
    pub fn announce(&self, length: u64) -> Result<u64> {
        match self.total {
            Some(total) if length > total.saturating_sub(self.position()) => Err(self.truncated(length)),
            _ if length > LONGEST => Err(too_long(length)),
            _ => Ok(length),
        }
    }

    pub fn skip(&mut self, mut length: u64) -> Result<()> {
        self.announce(length)?;
        while length > 0 {
            let count = self.some(length)?.len();
            self.consume(count);
            length -= count as u64;
        }
        Ok(())
    }

    /// The blake3 hash of the file in hexadecimal. Fails if the file does not end here.
    pub fn finish(mut self) -> Result<String> {
        let end = self.position();
        if !self.peek()?.is_empty() {
            return Err(Error::data(format!("more bytes after the end of the pickle at byte {end}")));
        }
        Ok(self.reader.get_ref().hasher.finalize().to_hex().to_string())
    }

    fn truncated(&self, wanted: u64) -> Error {
        let position = self.position();
        let end = self.total.unwrap_or(position).max(position);
        let needed = position.saturating_add(wanted);
        Error::data(format!("truncated at byte {end} of at least {needed}"))
            .hint("the file is damaged or was not copied completely; copy or download it again")
    }
}

fn too_long(length: u64) -> Error {
    Error::data(format!("{length} bytes, expected one subject's recording, at most {LONGEST}"))
}
