//! Generated recordings, in DEAP's format and read by its reader.

use super::format::{Defaults, Each, Facts, Format, Reader, Request, TrialExtent};
use super::parallel::in_parallel;
use super::place::Place;
use crate::data::deap::channels::{BASELINE, RATE, SAMPLES};
use crate::data::demo::{self, DemoSpec};
use crate::data::grouping::Grouping;
use crate::data::labels::RatingScale;
use crate::error::Result;
use crate::progress::Progress;

/// The format.
pub struct Demo;

impl Format for Demo {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn reads(&self) -> &'static str {
        "`demo`, which generates recordings"
    }

    fn recognizes(&self, place: &Place) -> bool {
        matches!(place, Place::Generated)
    }

    fn open(&self, request: &Request, _: &dyn Progress) -> Result<Box<dyn Reader>> {
        request.demo.check()?;
        Ok(Box::new(Generated(*request.demo)))
    }
}

struct Generated(DemoSpec);

impl Reader for Generated {
    fn defaults(&self) -> Defaults {
        Defaults::DEAP
    }

    fn trial(&self) -> Option<TrialExtent> {
        Some(TrialExtent { samples: SAMPLES, baseline: BASELINE, rate: RATE })
    }

    fn read(&self, progress: &dyn Progress, each: &Each) -> Result<Facts> {
        let subjects: Vec<u32> = (0..self.0.subjects).collect();
        let read = |_, &index: &u32| demo::read_subject(&self.0, index);
        in_parallel(&subjects, "generating recordings", progress, read, each)?;
        Ok(Facts {
            class_names: Vec::new(),
            grouping: Grouping::KNOWN,
            rating_scale: Some(RatingScale::NINE),
        })
    }
}
