//! The backend `wgpu`: its adapters and its algorithms.

use super::common::{ListedGpu, Restriction};
use crate::backend::Algorithm;
use crate::backend::wgpu::{Adapter, Target, Tuning, Wgpu, adapters, fits};
use crate::error::Result;
use std::collections::HashSet;

/// Lists the adapters and opens each.
pub fn gpus() -> Result<impl Iterator<Item = ListedGpu>> {
    let adapters = adapters();
    if adapters.is_empty() {
        // This is the error that explains why there are none.
        Adapter::choose(None)?;
    }
    // Where none will do, each says why.
    let default = Adapter::choose(None).ok();
    let mut buses = HashSet::new();
    Ok(adapters.into_iter().map(move |adapter| {
        let (index, name, details) = (adapter.index, adapter.describe(), Some(adapter.details()));
        let is_like_default = default.as_ref().is_some_and(|default| default.is_of_one_kind_with(&adapter));
        let bus = adapter.bus().map(String::from);
        let refused = adapter.open().err();
        // The first driver that shows a GPU and can be used.
        let is_of_all = is_like_default && (refused.is_some() || bus.is_none_or(|bus| buses.insert(bus)));
        ListedGpu { index, name, details, refused, is_of_all }
    }))
}

/// The device with one algorithm for all recurrent layers, and the layers that it can still run.
pub fn restrict(device: Box<Wgpu>, algorithm: Algorithm) -> (Box<Wgpu>, Restriction) {
    let limits = device.limits().clone();
    let Target { is_software, format, .. } = device.target();
    let name = format!("the algorithm `{algorithm}` on this adapter in {}", format.precision().name());
    let restriction = Restriction::new(name, move |rnn| {
        fits(algorithm, rnn, &Target { limits: &limits, is_software, format })
    });
    let tuning = Tuning { algorithm: Some(algorithm), ..Tuning::default() };
    (Box::new(device.tuned(tuning)), restriction)
}
