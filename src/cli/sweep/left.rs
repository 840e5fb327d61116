//! Tasks that a process or several leave without scores.

use crate::backend::DeviceId;
use crate::error::Error;

/// Tasks that have no scores, by their numbers.
#[derive(Default)]
pub struct Left {
    /// That ended with an error.
    pub failed: Vec<(usize, Error)>,
    /// That were begun on this device, which is not here.
    pub elsewhere: Vec<(usize, DeviceId)>,
}
