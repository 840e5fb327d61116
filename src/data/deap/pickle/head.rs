//! The first bytes of a pickle.

/// Bytes in which a subject's pickle names the first of its arrays.
const KEYS: usize = 1 << 10;

/// Whether the bytes may begin a pickled dictionary or other object of NumPy.
pub fn is_pickle(head: &[u8]) -> bool {
    // Protocols 0 and 1 have no signature.
    let starts: [&[u8]; 5] = [b"(d", b"}q", b"}(", b"ccopy_reg\n", b"cnumpy"];
    matches!(head, [0x80, 2..=5, ..]) || starts.iter().any(|start| head.starts_with(start))
}

/// Whether the bytes begin a pickle that names DEAP's arrays.
pub fn has_subject(head: &[u8]) -> bool {
    let head = &head[..head.len().min(KEYS)];
    // An opcode, a length or a quote stands before the name.
    let named = |name: &[u8]| {
        let names = head.windows(name.len() + 1).filter(|window| window[1..] == *name);
        names.map(|window| window[0]).any(|before| !before.is_ascii_lowercase())
    };
    is_pickle(head) && (named(b"labels") || named(b"data"))
}
