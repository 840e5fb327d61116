//! Writing an archive as `np.savez` does: arrays without compression. Its bytes depend on nothing but their
//! contents.

use super::fields::Field;
use crate::data::npy::{self, Values};
use rawzip::ZipArchiveWriter;
use std::borrow::Borrow;
use std::io::{self, BufWriter, Write};

/// The permissions of an unpacked array: its owner may write, everybody may read.
const PERMISSIONS: u32 = 0o644;

/// An archive that is being written.
pub struct Writer<W: Write> {
    archive: ZipArchiveWriter<BufWriter<W>>,
}

impl<W: Write> Writer<W> {
    /// An archive without arrays.
    pub fn new(out: W) -> Self {
        Writer { archive: ZipArchiveWriter::new(BufWriter::new(out)) }
    }

    /// Adds the array of a field; parts as in [`npy::write`].
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn add(
        &mut self,
        field: &Field,
        shape: &[usize],
        parts: impl IntoIterator<Item = impl Borrow<Values>>,
    ) -> io::Result<()> {
        let path = format!("{}.npy", field.names[0]);
        let file = self.archive.new_file(path.as_str()).unix_permissions(PERMISSIONS);
        let (mut entry, config) = file.start().map_err(io::Error::other)?;
        let mut writer = config.wrap(&mut entry);
        npy::write(&mut writer, shape, parts)?;
        let (_, descriptor) = writer.finish().map_err(io::Error::other)?;
        entry.finish(descriptor).map_err(io::Error::other)?;
        Ok(())
    }

    /// Writes the table of contents.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn finish(self) -> io::Result<()> {
        self.archive.finish().map_err(io::Error::other)?.flush()
    }
}
