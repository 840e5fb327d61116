//! Pickles assembled opcode by opcode, as Python 2 wrote them with protocol 2.

/// An array as it lies in a file: tests bend single fields.
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

/// The start of every file: protocol 2 and an open, memoised dictionary.
pub const HEAD: &[u8] = b"\x80\x02}q\x01(";
/// Fills the dictionary and stops.
pub const TAIL: &[u8] = b"u.";

pub fn string(text: &[u8]) -> Vec<u8> {
    [b"T", (text.len() as u32).to_le_bytes().as_slice(), text].concat()
}

fn int(value: i32) -> Vec<u8> {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

/// `numpy.dtype(code, 0, 1)` with its state.
pub fn dtype(code: &str, order: &str) -> Vec<u8> {
    let call = [b"cnumpy\ndtype\n".to_vec(), string(code.as_bytes()), b"K\0K\x01\x87R".to_vec()].concat();
    [
        call,
        b"(K\x03".to_vec(),
        string(order.as_bytes()),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb".to_vec(),
    ]
    .concat()
}

/// An array with its own dtype.
pub fn array(stored: &Stored) -> Vec<u8> {
    [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01(".to_vec(),
        stored.shape.iter().flat_map(|&length| int(length)).collect(),
        b"t".to_vec(),
        dtype(stored.code, stored.order),
        if stored.fortran { b"\x88".to_vec() } else { b"\x89".to_vec() },
        string(&stored.bytes),
        b"tb".to_vec(),
    ]
    .concat()
}

/// A whole file with these entries, each value already in opcodes.
pub fn dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(key, value)| [string(key.as_bytes()), value.clone()].concat());
    [HEAD.to_vec(), entries.collect(), TAIL.to_vec()].concat()
}

/// A small file that is read: `labels` (1, 2) and `data` (2, 2).
pub fn small() -> Vec<u8> {
    let labels = Stored::f8(&[1, 2], [3.0, 4.0]);
    let data = Stored::f8(&[2, 2], [1.0, -2.0, 0.5, 1e9]);
    dictionary(&[("labels", array(&labels)), ("data", array(&data))])
}
