//! The kernels of a layer as texts, which need no device.

use super::adapter::Adapter;
use super::kernel::Kernel;
use super::rnn::{Kernels, Plan, Tier, Tuning};
use super::text::text;
use crate::error::Result;
use crate::ops::Rnn;

/// A kernel as a device compiles it.
pub struct KernelText {
    /// What it does, as in profiles.
    pub label: &'static str,
    /// File and constants.
    pub name: String,
    pub text: String,
}

impl KernelText {
    fn new(kernel: &Kernel) -> Self {
        KernelText { label: kernel.label, name: kernel.name(), text: text(kernel) }
    }
}

/// The tier of a layer, and the kernels that a training step of it launches, in that order: with the limits
/// of `adapter`, or with those that every WebGPU device has.
pub fn layer_kernels(
    s: &Rnn,
    tier: Option<Tier>,
    adapter: Option<&Adapter>,
) -> Result<(Tier, Vec<KernelText>)> {
    let limits = adapter.map_or_else(wgpu::Limits::defaults, Adapter::limits);
    let tuning = Tuning { tier, ..Tuning::default() };
    let tier = Plan::new(s, &tuning, &limits, adapter.is_some_and(Adapter::is_software))?.tier;
    let kernels = Kernels::of(s, tier, &limits).all();
    Ok((tier, kernels.iter().map(KernelText::new).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, Conv, ConvSpec, Slab};
    use wgpu::naga;

    /// Without any driver: what `engine kernels` prints is WGSL, and asks for no more than every WebGPU
    /// device has.
    #[test]
    fn every_layer_has_kernels_that_any_device_takes() {
        let limits = wgpu::Limits::defaults();
        for cell in Cell::ALL {
            for hidden in [1, 7, 33, 64, 65, 80, 128, 256, 300] {
                let s = Rnn::one(cell, [1, 1, 1, hidden]);
                for tier in Tier::ALL.into_iter().filter(|tier| tier.runs(&s, &limits)) {
                    for kernel in layer_kernels(&s, Some(tier), None).unwrap().1 {
                        assert_fits(&kernel, &limits);
                    }
                }
            }
        }
    }

    #[test]
    fn every_convolution_has_kernels_that_any_device_takes() {
        let weights = Slab { offset: 0, stride: 0 };
        for (input, filters) in [(1, 32), (32, 33), (65, 1)] {
            let spec = ConvSpec { filters, kernel: 3 };
            let s = Conv { models: 1, batch: 1, steps: 4, input, spec, weights };
            for kernel in super::super::conv::kernels(&s) {
                assert_fits(&KernelText::new(&kernel), &wgpu::Limits::defaults());
            }
        }
    }

    fn assert_fits(kernel: &KernelText, limits: &wgpu::Limits) {
        let module = naga::front::wgsl::parse_str(&kernel.text)
            .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(&kernel.text)));
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        let bytes = |space| -> u32 {
            let global = module.global_variables.iter().filter(|(_, variable)| variable.space == space);
            global.map(|(_, variable)| layouter[variable.ty].size).sum()
        };
        let used = bytes(naga::AddressSpace::WorkGroup);
        assert!(used <= limits.max_compute_workgroup_storage_size, "{}: {used} bytes", kernel.name);
        let storage = |space| matches!(space, naga::AddressSpace::Storage { .. });
        let buffers = module.global_variables.iter().filter(|(_, variable)| storage(variable.space)).count();
        assert!(
            buffers as u32 <= limits.max_storage_buffers_per_shader_stage,
            "{}: {buffers} buffers",
            kernel.name
        );
        let invocations: u32 = module.entry_points[0].workgroup_size.iter().product();
        assert!(
            invocations <= limits.max_compute_invocations_per_workgroup,
            "{}: {invocations}",
            kernel.name
        );
    }

    #[test]
    fn the_tier_follows_from_the_width_and_the_limits() {
        let (floor, mut large) = (wgpu::Limits::defaults(), wgpu::Limits::defaults());
        large.max_compute_invocations_per_workgroup = 1024;
        large.max_compute_workgroup_size_x = 1024;
        large.max_compute_workgroup_storage_size = 32 << 10;
        let tier = |cell, hidden, limits, is_software| {
            Tier::choose(&Rnn::one(cell, [1, 1, 1, hidden]), limits, is_software)
        };
        for (cell, hidden, at_floor, at_large) in [
            (Cell::Lstm, 64, Tier::Registers, Tier::Registers),
            (Cell::Lstm, 65, Tier::Streamed, Tier::Registers),
            (Cell::Gru, 80, Tier::Registers, Tier::Registers),
            (Cell::Gru, 81, Tier::Streamed, Tier::Streamed),
            (Cell::Lstm, 256, Tier::Streamed, Tier::Streamed),
            (Cell::Lstm, 257, Tier::PerStep, Tier::PerStep),
        ] {
            assert_eq!(tier(cell, hidden, &floor, false), at_floor, "{cell:?} {hidden}");
            assert_eq!(tier(cell, hidden, &large, false), at_large, "{cell:?} {hidden}, large");
        }
        assert_eq!(tier(Cell::Lstm, 64, &floor, true), Tier::Streamed);
    }
}
