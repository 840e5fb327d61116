//! A reader for one kind of pickle: a dictionary of NumPy arrays of floats. It skips plain values beside
//! them.
//!
//! A pickle is a program for a stack machine that may call any function. This machine calls none: it imitates
//! the few calls that NumPy writes and refuses every other name. All sizes are bounded, so a hostile file
//! ends in an error quickly and cannot exhaust the memory. It reads protocols 0 to 5, as Python 2 and 3 with
//! NumPy 1 and 2 write them; Python's `pickletools` documents the opcodes.

mod elements;
pub mod head;
mod machine;
mod numpy;
pub mod opcode;
mod source;
mod text;
mod value;

use std::io::Read;

use ndarray::ArrayD;

use crate::data::foreign;
use crate::{Error, Result};
use machine::Machine;
use source::Source;
use value::{Object, Value};

/// Reads the arrays that a pickled dictionary holds under `keys`, as `f64` in row-major order, and the blake3
/// hash of the file. The dictionary may hold other keys, too.
///
/// Large arrays are converted while they are read. `total` is the length of the file in bytes, where it is
/// known.
///
/// # Errors
///
/// `ErrorKind::Data`, with the offset of the opcode: a truncated file, a global or opcode that arrays of
/// floats do not need, a dtype other than `f4` and `f8`, an array whose shape and bytes disagree, a file past
/// the bounds, a missing key. `ErrorKind::Io` if `reader` fails.
pub fn read_arrays<const N: usize>(
    reader: impl Read,
    total: Option<u64>,
    keys: [&str; N],
) -> Result<([ArrayD<f64>; N], String)> {
    let mut machine = Machine::new(Source::new(reader, total)?);
    let start = machine.source.peek()?;
    if let Some(kind) = foreign::certain(start).filter(|_| !head::is_pickle(start)) {
        return Err(Error::data(format!("this is {}, expected a Python pickle", kind.name)));
    }
    let root = machine.run()?;
    let Machine { source, mut heap, .. } = machine;
    let hash = source.finish()?;
    let Some((_, Object::Dict(entries))) = heap.object(root) else {
        let found = heap.describe(root);
        return Err(Error::data(format!("{found}, expected a dictionary of arrays")));
    };
    let mut wanted = keys.map(|key| (key, Value::None));
    for (key, value) in &mut wanted {
        // As in Python, the last of equal keys counts.
        let entry = entries.iter().rev().find(|entry| heap.as_name(entry.0) == Some(key.as_bytes()));
        *value = match entry {
            Some(&(_, value)) => value,
            None => {
                let found: Vec<_> = entries.iter().take(10).map(|entry| heap.describe(entry.0)).collect();
                return Err(Error::data(format!("no {key:?} in the dictionary, its keys are {found:?}")));
            }
        };
    }
    Ok((heap.take_arrays(wanted)?, hash))
}
