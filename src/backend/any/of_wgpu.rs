//! The backend `wgpu`: its adapters and its algorithms.

use super::common::{ListedGpu, Restriction};
use crate::backend::Algorithm;
use crate::backend::wgpu::{Adapter, Tuning, Wgpu, adapters, fits};
use crate::error::Result;

/// Lists the adapters and opens each.
pub fn gpus() -> Result<impl Iterator<Item = ListedGpu>> {
    let adapters = adapters();
    if adapters.is_empty() {
        // This is the error that explains why there are none.
        Adapter::choose(None)?;
    }
    // Where none will do, each says why.
    let default = Adapter::choose(None).ok();
    let mut buses = Vec::new();
    Ok(adapters.into_iter().map(move |adapter| ListedGpu {
        index: adapter.index,
        name: adapter.describe(),
        details: Some(adapter.details()),
        is_of_all: default.as_ref().is_some_and(|default| default.is_of_one_kind_with(&adapter))
            && is_new(&adapter, &mut buses),
        refused: adapter.open().err(),
    }))
}

/// Whether no adapter before has this one's place on the bus.
fn is_new(adapter: &Adapter, buses: &mut Vec<String>) -> bool {
    let Some(bus) = adapter.bus() else { return true };
    let is_new = !buses.iter().any(|other| other == bus);
    buses.push(bus.to_string());
    is_new
}

/// The device with one algorithm for all recurrent layers, and the layers that it can still run.
pub fn restrict(device: Box<Wgpu>, algorithm: Algorithm) -> (Box<Wgpu>, Restriction) {
    let limits = device.limits().clone();
    let name = format!("the algorithm `{algorithm}` on this adapter");
    let restriction = Restriction::new(name, move |rnn| fits(algorithm, rnn, &limits));
    let tuning = Tuning { algorithm: Some(algorithm), ..Tuning::default() };
    (Box::new(device.tuned(tuning)), restriction)
}
