//! The rest of a sweep that a process or several leave.

use crate::backend::DeviceId;
use crate::error::Error;

/// Tasks that have no scores, by their numbers.
#[derive(Default)]
pub struct Left {
    /// That ended with an error.
    pub failed: Vec<(usize, Error)>,
    /// Whose data this process cannot read.
    pub not_here: Vec<(usize, Error)>,
    /// That were begun on this device, which is not here.
    pub elsewhere: Vec<(usize, DeviceId)>,
    /// The signal that ended the work before its time; then nobody knows what else is left.
    pub signal: Option<u8>,
}
