//! The opcodes around a subject's numbers, exactly as cPickle of Python 2.7 wrote them with protocol 2 for
//! `{'labels': (40, 4) f8, 'data': (40, 40, 8064) f8}`.

use std::io::{self, Write};

use crate::data::deap::channels::{CHANNELS, SAMPLES, TRIALS};

/// Up to the shape of `labels`; `K n` pushes the byte n, `q n` stores the top of the stack as number n, `h n` gets it.
const LABELS: &[u8] = b"\x80\x02}q\x01(U\x06labelsq\x02\
    cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x28K\x04\x86\
    cnumpy\ndtype\nq\x06U\x02f8K\x00K\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T";
/// From the end of the labels' numbers to the length of the data's: shape (40, 40, 8064), dtype from the memo.
const DATA: &[u8] =
    b"tbU\x04dataq\x08h\x03h\x04K\x00\x85U\x01b\x87Rq\x09(K\x01K\x28K\x28M\x80\x1f\x87h\x07\x89T";
const TAIL: &[u8] = b"tbu.";

const LABEL_BYTES: usize = TRIALS * 4 * 8;
const DATA_BYTES: usize = TRIALS * CHANNELS * SAMPLES * 8;

/// Length of a whole file, as DEAP's files have it.
pub const FILE_BYTES: usize = LABELS.len() + 4 + LABEL_BYTES + DATA.len() + 4 + DATA_BYTES + TAIL.len();

/// Everything before the first sample.
pub fn write_head(out: &mut impl Write, ratings: &[[f64; 4]; TRIALS]) -> io::Result<()> {
    out.write_all(LABELS)?;
    out.write_all(&(LABEL_BYTES as u32).to_le_bytes())?;
    write_numbers(out, ratings.as_flattened())?;
    out.write_all(DATA)?;
    out.write_all(&(DATA_BYTES as u32).to_le_bytes())
}

pub fn write_numbers(out: &mut impl Write, numbers: &[f64]) -> io::Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    out.write_all(&bytes)
}

pub fn write_tail(out: &mut impl Write) -> io::Result<()> {
    out.write_all(TAIL)
}
