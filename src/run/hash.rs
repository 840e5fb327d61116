//! The hash of a file.

/// The hexadecimal blake3 hash of these bytes.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
