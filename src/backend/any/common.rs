//! The types in which every backend answers the command line.

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::ops::Rnn;

/// Receives text as soon as it is known: one line or several.
pub type Out<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// Work on a backend of any type.
pub trait OnBackend {
    /// Does the work. It calls `begin` after its preparations, which are no part of a prediction.
    ///
    /// # Errors
    /// Any error of the work.
    fn run<B: Backend>(&self, backend: &B, begin: &dyn Fn()) -> Result<()>;
}

/// A GPU in the list of a backend's GPUs.
pub struct ListedGpu {
    /// The number that `adapter` selects it by.
    pub index: usize,
    /// Its name, with its architecture and driver.
    pub name: String,
    /// Its memory and limits; `None` if they are unknown because it cannot be opened.
    pub details: Option<String>,
    /// The reason why it cannot be opened; `None` if it can.
    pub refused: Option<Error>,
    /// Whether it is one of `all`: those of the default's kind, as discrete GPUs are, each of them once.
    pub is_of_all: bool,
}

/// The limit of a device that runs recurrent layers with one algorithm only.
pub struct Restriction {
    /// The algorithm, with the property of the device that decides which layers fit.
    pub name: String,
    fits: Box<dyn Fn(&Rnn) -> bool>,
}

impl Restriction {
    /// The limit `name`, with a function that tests whether a layer fits.
    pub fn new(name: String, fits: impl Fn(&Rnn) -> bool + 'static) -> Self {
        Restriction { name, fits: Box::new(fits) }
    }

    /// Whether the device runs this layer.
    pub fn fits(&self, rnn: &Rnn) -> bool {
        (self.fits)(rnn)
    }
}
