//! What every backend answers when a command asks.

use crate::error::{Error, Result};
use crate::ops::Rnn;

/// Takes one line, or more of them, as soon as they are known.
pub type Out<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// A GPU that is there.
pub struct Found {
    /// Its number for `--adapter`.
    pub index: usize,
    pub name: String,
    pub details: Option<String>,
    /// Why it does not open.
    pub refused: Option<Error>,
}

/// What a device is held to, and cannot do with every recurrent layer.
pub struct Restriction {
    pub name: String,
    runs: Box<dyn Fn(&Rnn) -> bool>,
}

impl Restriction {
    pub fn new(name: String, runs: impl Fn(&Rnn) -> bool + 'static) -> Self {
        Restriction { name, runs: Box::new(runs) }
    }

    pub fn runs(&self, rnn: &Rnn) -> bool {
        (self.runs)(rnn)
    }
}
