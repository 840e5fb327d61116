//! Pickles assembled opcode by opcode, as Python 2 wrote them with protocol 2.

use engine::data::deap::pickle::opcode as op;

/// An array as stored in a file. Tests change single fields.
#[derive(Clone)]
pub struct Stored {
    pub shape: Vec<i32>,
    pub code: &'static str,
    pub order: &'static str,
    pub fortran: bool,
    pub bytes: Vec<u8>,
}

impl Stored {
    /// A little-endian `f8` array.
    pub fn f8(shape: &[i32], values: impl IntoIterator<Item = f64>) -> Self {
        let bytes = values.into_iter().flat_map(f64::to_le_bytes).collect();
        Stored { shape: shape.into(), code: "f8", order: "<", fortran: false, bytes }
    }
}

/// The start of every file: protocol 2 and an open, memoized dictionary.
pub const HEAD: &[u8] = &[op::PROTO, 2, op::EMPTY_DICT, op::BINPUT, 1, op::MARK];
/// Fills the dictionary and stops.
pub const TAIL: &[u8] = &[op::SETITEMS, op::STOP];

pub fn string(text: &[u8]) -> Vec<u8> {
    [&[op::BINSTRING], (text.len() as u32).to_le_bytes().as_slice(), text].concat()
}

fn int(value: i32) -> Vec<u8> {
    [[op::BININT].as_slice(), &value.to_le_bytes()].concat()
}

fn global(module: &str, name: &str) -> Vec<u8> {
    [&[op::GLOBAL], module.as_bytes(), b"\n", name.as_bytes(), b"\n"].concat()
}

/// `numpy.dtype(code, 0, 1)` with its state `(3, order, None, None, None, -1, -1, 0)`.
pub fn dtype(code: &str, order: &str) -> Vec<u8> {
    [
        global("numpy", "dtype"),
        string(code.as_bytes()),
        vec![op::BININT1, 0, op::BININT1, 1, op::TUPLE3, op::REDUCE],
        vec![op::MARK, op::BININT1, 3],
        string(order.as_bytes()),
        vec![op::NONE; 3],
        int(-1),
        int(-1),
        vec![op::BININT1, 0, op::TUPLE, op::BUILD],
    ]
    .concat()
}

/// `numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), 'b')`.
fn reconstruct() -> Vec<u8> {
    [
        global("numpy.core.multiarray", "_reconstruct"),
        global("numpy", "ndarray"),
        vec![op::BININT1, 0, op::TUPLE1, op::SHORT_BINSTRING, 1, b'b', op::TUPLE3, op::REDUCE],
    ]
    .concat()
}

/// An array with its own dtype. Its state is `(1, shape, dtype, is Fortran, bytes)`.
pub fn array(stored: &Stored) -> Vec<u8> {
    [
        reconstruct(),
        vec![op::MARK, op::BININT1, 1, op::MARK],
        stored.shape.iter().flat_map(|&length| int(length)).collect(),
        vec![op::TUPLE],
        dtype(stored.code, stored.order),
        vec![if stored.fortran { op::NEWTRUE } else { op::NEWFALSE }],
        string(&stored.bytes),
        vec![op::TUPLE, op::BUILD],
    ]
    .concat()
}

/// A whole file with these entries, each value already in opcodes.
pub fn dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(key, value)| [string(key.as_bytes()), value.clone()].concat());
    [HEAD.to_vec(), entries.collect(), TAIL.to_vec()].concat()
}

/// A small valid file: `labels` (1, 2) and `data` (2, 2).
pub fn small() -> Vec<u8> {
    let labels = Stored::f8(&[1, 2], [3.0, 4.0]);
    let data = Stored::f8(&[2, 2], [1.0, -2.0, 0.5, 1e9]);
    dictionary(&[("labels", array(&labels)), ("data", array(&data))])
}
