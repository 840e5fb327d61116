//! The backend `cuda`: its GPUs, its algorithms and its predictions.

use super::common::{ListedGpu, OnBackend, Restriction};
use crate::backend::cuda::{
    Cuda, Driver, Executor, Recorder, Tuning, default_folder, fits, gpus as all_gpus,
    predict as predict_launches,
};
use crate::backend::{Algorithm, Backend, DeviceChoice, Kind, Prediction};
use crate::error::Result;

/// Lists the GPUs of CUDA's driver and opens each.
pub fn gpus() -> Result<impl Iterator<Item = ListedGpu>> {
    Ok(all_gpus()?.into_iter().map(|gpu| {
        let name = gpu.describe().trim_start_matches("cuda ").to_string();
        let (details, refused) = match gpu.open(default_folder().as_deref()) {
            Ok(driver) => (Some(driver.details()), None),
            Err(error) => (None, Some(error)),
        };
        ListedGpu { index: gpu.index, name, details, refused, is_of_all: true }
    }))
}

/// The device with one algorithm for all recurrent layers, and the layers that it can still run.
pub fn restrict(cuda: Box<Cuda<Driver>>, algorithm: Algorithm) -> (Box<Cuda<Driver>>, Restriction) {
    let precision = cuda.precision();
    let name = format!("the algorithm `{algorithm}` in {}", precision.name());
    let has_clusters = cuda.executor().has_clusters();
    let restriction = Restriction::new(name, move |rnn| fits(algorithm, rnn.hidden, precision, has_clusters));
    let tuning = Tuning { algorithm: Some(algorithm), ..cuda.tuning() };
    (Box::new(cuda.tuned(tuning)), restriction)
}

/// Predicts the times of the launches of `work`.
pub fn predict(choice: &DeviceChoice, work: &impl OnBackend) -> Result<Prediction> {
    let tuning = Tuning { gemm: choice.gemm.unwrap_or_default(), ..Tuning::default() };
    let precision = choice.precision.unwrap_or_default();
    Kind::Cuda.require(precision)?;
    let cuda = Cuda::new(Recorder::default(), precision).tuned(tuning).without_graphs();
    work.run(&cuda, &|| drop(cuda.executor().take()))?;
    predict_launches(&cuda.executor().take())
}
