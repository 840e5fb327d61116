//! Which kernels `engine kernels` passes on, and how.

use super::common::Out;
use crate::backend::Algorithm;
use crate::error::{Error, Result};
use crate::ops::{Precision, Rnn};
use std::path::Path;

/// The kernels of a layer or all kernels, as names or sources, for the terminal and for a folder.
pub struct Listing<'a> {
    /// The layer.
    pub rnn: &'a Rnn,
    /// Its precision, if it is not the backend's default.
    pub precision: Option<Precision>,
    /// Its algorithm, if it is not the first that fits.
    pub algorithm: Option<Algorithm>,
    /// All kernels, not those of the layer.
    pub every: bool,
    /// Names instead of sources.
    pub list: bool,
    /// Where files are written.
    pub save: Option<&'a Path>,
}

impl Listing<'_> {
    /// Passes a kernel to `out`, and writes its source into the folder.
    pub fn print(&self, label: &str, name: &str, extension: &str, text: &str, out: Out) -> Result<()> {
        self.write(name, extension, text.as_bytes())?;
        match self.list {
            true => out(&format!("{label:<32} {name}")),
            false => out(text),
        }
    }

    /// Writes a file of a kernel into the folder, if there is one. It is called
    /// `lstm-rnn_step_forward.cu-PRECISION=19-THREADS=128.cu`, with this extension.
    pub fn write(&self, name: &str, extension: &str, content: &[u8]) -> Result<()> {
        let Some(folder) = self.save else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let path = folder.join(format!("{}.{extension}", name.replace(' ', "-")));
        std::fs::write(&path, content).map_err(|e| Error::io("write", &path, e))
    }
}
