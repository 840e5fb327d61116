//! All tests that see the crate from outside: one binary, one line per module on what belongs there.
