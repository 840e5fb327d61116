//! The kernels as texts, which need no device.

use super::adapter::Adapter;
use super::kernel::Kernel;
use super::rnn::{self, Format, Kernels, Plan, Target, Tuning};
use super::text::text;
use super::{attention, conv, dropout, gather, linear, loss, optimizer, pool};
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::Rnn;
use std::collections::HashSet;

/// A kernel as a device compiles it.
pub struct KernelText {
    /// Its label in profiles.
    pub label: &'static str,
    /// File and constants.
    pub name: String,
    /// The complete WGSL source.
    pub text: String,
}

impl KernelText {
    fn new(kernel: &Kernel) -> Self {
        KernelText { label: kernel.label, name: kernel.name(), text: text(kernel) }
    }
}

/// The algorithm of a layer, and the kernels that a training step of it launches, in that order: with the
/// limits of `adapter`, or with those that every WebGPU device has.
///
/// # Errors
/// [`ErrorKind::Config`](crate::error::ErrorKind::Config) if the layer does not fit the algorithm, and those
/// of a layer that is too large for the limits.
pub fn layer_kernels(
    s: &Rnn,
    format: Format,
    algorithm: Option<Algorithm>,
    adapter: Option<&Adapter>,
) -> Result<(Algorithm, Vec<KernelText>)> {
    let limits = adapter.map_or_else(wgpu::Limits::defaults, Adapter::limits);
    let tuning = Tuning { algorithm, ..Tuning::default() };
    let is_software = adapter.is_some_and(Adapter::is_software);
    let plan = Plan::new(s, &tuning, &Target { limits: &limits, is_software, format })?;
    let kernels = Kernels::of(s, &plan, &limits).all();
    Ok((plan.algorithm, kernels.iter().map(KernelText::new).collect()))
}

/// Every kernel that a training step or a prediction of any network launches, each once, in each precision:
/// with the limits of `adapter`, or with those that every WebGPU device has.
///
/// # Errors
/// Any for which no layer runs within such limits.
pub fn every_kernel(adapter: Option<&Adapter>) -> Result<Vec<KernelText>> {
    let limits = adapter.map_or_else(wgpu::Limits::defaults, Adapter::limits);
    let is_software = adapter.is_some_and(Adapter::is_software);
    let layers = |format| rnn::kernels(&Target { limits: &limits, is_software, format });
    let mut kernels = [
        layers(Format::Fp32)?,
        layers(Format::F16)?,
        conv::kernels(),
        gather::kernels(),
        dropout::kernels(),
        pool::kernels(),
        attention::kernels(),
        linear::kernels(),
        loss::kernels(),
        optimizer::kernels(),
    ]
    .concat();
    let mut seen = HashSet::new();
    kernels.retain(|kernel| seen.insert(kernel.clone()));
    Ok(kernels.iter().map(KernelText::new).collect())
}

#[cfg(test)]
mod tests {
    use super::super::rnn::fits;
    use super::*;
    use crate::ops::{Cell, RnnSize};
    use wgpu::naga;

    /// Needs no driver: `engine kernels` prints WGSL, which asks for no more than every WebGPU
    /// device has.
    #[test]
    fn every_layer_has_kernels_that_any_device_takes() {
        let limits = wgpu::Limits::defaults();
        for cell in Cell::ALL {
            for hidden in [1, 7, 33, 64, 65, 80, 128, 256, 300] {
                let s = Rnn::one(cell, RnnSize { batch: 1, steps: 1, input: 1, hidden });
                for format in Format::ALL {
                    let target = Target { limits: &limits, is_software: false, format };
                    for algorithm in Algorithm::ALL.into_iter().filter(|&a| fits(a, &s, &target)) {
                        for kernel in layer_kernels(&s, format, Some(algorithm), None).unwrap().1 {
                            assert_fits(&kernel, &limits);
                        }
                    }
                }
            }
        }
    }

    /// A name is a file's, so that two kernels must not share one.
    #[test]
    fn every_kernel_has_a_name_of_its_own_and_is_one_that_any_device_takes() {
        let kernels = every_kernel(None).unwrap();
        let names: HashSet<&str> = kernels.iter().map(|kernel| kernel.name.as_str()).collect();
        assert_eq!(names.len(), kernels.len());
        // At the floor: each width up to 80 has kernels of its own in registers, for one, for two and for as
        // many rows as the depth has parts; forward with and without what backward needs, and backward. A GPU
        // runs wider layers step by step, with kernels that have no constants, and GEMMs have two tiles. All
        // in each format; f16 has room for more units, and the floor has invocations for 84.
        let count = |part: &str| names.iter().filter(|name| name.contains(part)).count();
        assert_eq!(count("rnn_persistent"), 2 * (80 + 84) * 3 * 3);
        // All but the sum of partial gradients, which are of no format.
        assert_eq!(2 * count("f16 ") - 2 * 4 * 3 * 3, count("rnn_") - count("rnn_weight_gradient_sum"));
        assert_eq!(count("rnn_streamed"), 0);
        assert_eq!(count("rnn_step"), 2 * (2 * 3));
        assert_eq!((count("rnn_project"), count("rnn_input_gradient")), (2 * 2, 2 * (2 * 2)));
        assert_eq!(count("rnn_weight_gradient.wgsl"), 2 * 2);
        for kernel in kernels {
            assert_fits(&kernel, &wgpu::Limits::defaults());
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
}
