//! tuning.json: the choices of settings inside the folds of a run.

use super::RunFolder;
use super::format::{FORMAT, read_json, to_json};
use super::hash::hash;
use crate::error::Result;
use crate::metrics::Tuning;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// tuning.json: the candidates, and of each fold that has chosen the inner scores and the choice.
#[derive(Serialize, Deserialize)]
pub struct Choices {
    format: u32,
    #[serde(flatten)]
    tuning: Tuning,
}

impl Choices {
    /// Its name in a run folder.
    pub const FILE: &str = "tuning.json";

    /// Writes the choices so far.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(folder: &RunFolder, tuning: &Tuning) -> Result<()> {
        folder.write(Choices::FILE, Choices::text(tuning).as_bytes())
    }

    /// The hash of the file with these choices.
    pub fn hash(tuning: &Tuning) -> String {
        hash(Choices::text(tuning).as_bytes())
    }

    fn text(tuning: &Tuning) -> String {
        to_json(&Choices { format: FORMAT, tuning: tuning.clone() })
    }

    /// Reads the choices of the run in `folder`, bit for bit as they were written; `None` if there is no
    /// file.
    ///
    /// # Errors
    /// If it cannot be read, or is of a newer version.
    pub fn read(folder: &Path) -> Result<Option<Tuning>> {
        let path = folder.join(Choices::FILE);
        match path.is_file() {
            true => read_json::<Choices>(&path).map(|choices| Some(choices.tuning)),
            false => Ok(None),
        }
    }
}
