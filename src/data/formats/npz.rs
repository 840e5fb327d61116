//! Windows that another program cut, as NumPy arrays.

use super::format::{Each, Facts, Format, Reader, Request};
use super::place::Place;
use crate::data::foreign::first_member;
use crate::data::npy;
use crate::data::npz::{self, Layout};
use crate::error::Result;
use crate::progress::Progress;
use std::path::PathBuf;

/// The format.
pub struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        ".npz"
    }

    fn reads(&self) -> &'static str {
        "windows as NumPy arrays: an .npz file, a .npy file, or a folder of .npy files"
    }

    fn recognizes(&self, place: &Place) -> bool {
        match place {
            Place::Generated => false,
            Place::File(_, head) => {
                head.starts_with(npy::MAGIC) || first_member(head).is_some_and(|name| name.ends_with(".npy"))
            }
            Place::Folder(_, entries) => {
                entries.iter().any(|entry| ["windows.npy", "X.npy"].contains(&entry.name.as_str()))
            }
        }
    }

    fn claims(&self, name: &str) -> bool {
        [".npz", ".npy"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending))
    }

    fn open(&self, request: &Request, _: &dyn Progress) -> Result<Box<dyn Reader>> {
        Ok(Box::new(Windows(request.path.into(), request.layout)))
    }

    fn has_layout(&self) -> bool {
        true
    }
}

struct Windows(PathBuf, Option<Layout>);

impl Reader for Windows {
    fn read(&self, progress: &dyn Progress, each: &Each) -> Result<Facts> {
        let windows = npz::read(&self.0, self.1)?;
        windows.warnings.iter().for_each(|warning| progress.warn(warning));
        windows.recordings.into_iter().enumerate().try_for_each(|(number, r)| each(number, r))?;
        Ok(Facts {
            class_names: windows.class_names,
            grouping: windows.grouping,
            rating_scale: windows.rating_scale,
        })
    }
}
