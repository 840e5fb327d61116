//! The `.ts` files of the UEA/aeon archive.

use super::format::{Each, Facts, Format, Reader, Request};
use super::place::Place;
use crate::data::grouping::Grouping;
use crate::data::ts;
use crate::error::Result;
use crate::progress::Progress;
use std::path::PathBuf;

/// The format.
pub struct Ts;

impl Format for Ts {
    fn name(&self) -> &'static str {
        ".ts"
    }

    fn reads(&self) -> &'static str {
        "a .ts file of the UEA/aeon archive, with or without its TEST file"
    }

    fn recognizes(&self, place: &Place) -> bool {
        place.head().is_some_and(ts::is_header)
    }

    fn claims(&self, name: &str) -> bool {
        name.to_ascii_lowercase().ends_with(".ts")
    }

    fn has_test_file(&self) -> bool {
        true
    }

    fn open(&self, request: &Request, _: &dyn Progress) -> Result<Box<dyn Reader>> {
        Ok(Box::new(Parts(request.path.into(), request.test.map(Into::into))))
    }
}

/// A whole data set, or its TRAIN and TEST parts.
struct Parts(PathBuf, Option<PathBuf>);

impl Reader for Parts {
    fn read(&self, _: &dyn Progress, each: &Each) -> Result<Facts> {
        let archive = match self {
            Parts(train, None) => ts::read(train)?,
            Parts(train, Some(test)) => ts::read_pair(train, test)?,
        };
        each(0, archive.recording)?;
        Ok(Facts { class_names: archive.class_names, grouping: Grouping::CASES, rating_scale: None })
    }
}
