//! All tests that see the crate from outside: one binary, one line per module on what belongs there.

/// Readers of `.ts` and `.npz` files: values, every refusal, garbage.
mod archives;
