//! The bytes around a subject's arrays, exactly as cPickle of Python 2.7 wrote them with protocol 2 for
//! `{'labels': (40, 4) f8, 'data': (40, 40, 8064) f8}`. [`opcode`](crate::data::deap::pickle::opcode)
//! explains them.

use std::io::{self, Write};

use crate::data::deap::channels::{CHANNELS, SAMPLES, TRIALS};

/// From the start to the length of the bytes of `labels`. BININT1 (`K`) pushes a byte; BINPUT (`q`) and
/// BINGET (`h`) store and load a memo entry.
const LABELS: &[u8] = b"\x80\x02}q\x01(U\x06labelsq\x02\
    cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x28K\x04\x86\
    cnumpy\ndtype\nq\x06U\x02f8K\x00K\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T";
/// From the end of the bytes of `labels` to the length of the bytes of `data`: shape (40, 40, 8064), dtype
/// from the memo.
const DATA: &[u8] =
    b"tbU\x04dataq\x08h\x03h\x04K\x00\x85U\x01b\x87Rq\x09(K\x01K\x28K\x28M\x80\x1f\x87h\x07\x89T";
/// After the bytes of `data`.
const TAIL: &[u8] = b"tbu.";

const LABEL_BYTES: usize = TRIALS * 4 * 8;
const DATA_BYTES: usize = TRIALS * CHANNELS * SAMPLES * 8;

/// Length of a file in bytes, equal to that of DEAP's files.
pub const FILE_BYTES: usize = LABELS.len() + 4 + LABEL_BYTES + DATA.len() + 4 + DATA_BYTES + TAIL.len();

/// Writes all bytes before the first sample, including the ratings.
pub fn write_head(out: &mut impl Write, ratings: &[[f64; 4]; TRIALS]) -> io::Result<()> {
    out.write_all(LABELS)?;
    out.write_all(&(LABEL_BYTES as u32).to_le_bytes())?;
    write_elements(out, ratings.as_flattened())?;
    out.write_all(DATA)?;
    out.write_all(&(DATA_BYTES as u32).to_le_bytes())
}

/// Writes elements of an array.
pub fn write_elements(out: &mut impl Write, elements: &[f64]) -> io::Result<()> {
    let bytes: Vec<u8> = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
    out.write_all(&bytes)
}

/// Writes all bytes after the last sample.
pub fn write_tail(out: &mut impl Write) -> io::Result<()> {
    out.write_all(TAIL)
}
