//! Predicts the times of launches on an NVIDIA H100, without a GPU: a recorder takes the place of the device,
//! and a model of one launch reads the figures of its kernel's machine code.

mod figures;
mod model;
mod recorder;
mod trips;

pub use recorder::{Recorded, Recorder};

use crate::backend::{PredictedLaunch, Prediction};
use crate::error::Result;
use figures::Table;

/// Predicts each of the launches.
///
/// # Errors
/// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if a kernel's machine code has not been read.
pub fn predict(launches: &[Recorded]) -> Result<Prediction> {
    let table = Table::embedded();
    let predicted = |launch: &Recorded| {
        let (us, rule) = model::time(launch, table.of(&launch.kernel)?);
        let has_record = model::has_record(&launch.kernel);
        Ok(PredictedLaunch { kernel: launch.label, us, rule, has_record })
    };
    let launches = launches.iter().map(predicted).collect::<Result<_>>()?;
    Ok(Prediction { device: "NVIDIA H100", error: model::ERROR, launches })
}
