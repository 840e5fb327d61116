//! Any GPU through wgpu: Vulkan, Metal or DX12. The kernels are WGSL, in `kernels/wgsl/`.
//!
//! `adapter` finds and opens a device, `device` is its queue, `memory` its buffers, `clock` its time stamps. `kernel` names the
//! kernels and `text` makes what the device compiles of them. `plan` says how a recurrent layer is cut into dispatches; `layer`,
//! `conv` and `operations` launch them.

mod adapter;
mod clock;
mod conv;
mod device;
mod kernel;
mod layer;
mod memory;
mod operations;
mod plan;
mod roof;
mod text;

pub use adapter::{Adapter, adapters};
pub use layer::Layer;
pub use memory::Buf;
pub use operations::Frames;
pub use plan::{Tier, Tuning};

use super::{Backend, Roof, Timeline};
use crate::error::Result;
use crate::ops::{
    Conv, ConvBackward, ConvForward, Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward,
    Loss, LossOperands, Optimizer, OptimizerOperands, Pool, Purpose, Rnn, RnnBackward, RnnForward, Word,
};
use device::Gpu;
use ndarray::ArcArray2;
use std::sync::{Arc, Mutex, PoisonError};

/// An open device.
pub struct Wgpu {
    gpu: Gpu,
    adapter: Adapter,
    tuning: Tuning,
    /// Memory that operations work in, as large as the largest needed.
    scratch: Mutex<Option<Arc<Buf<f32>>>>,
}

impl Wgpu {
    /// As this adapter would be used, but for how the work is cut.
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Dispatches since the device was opened.
    pub fn dispatches(&self) -> u64 {
        self.gpu.dispatches()
    }

    /// Ends the device as a driver would that gave up on it.
    pub fn destroy(&self) {
        self.gpu.device.destroy();
    }

    fn plan(&self, s: &Rnn) -> Result<plan::Plan> {
        plan::Plan::new(s, &self.tuning, &self.gpu.limits, self.adapter.is_software())
    }

    /// Bytes that a binding may have.
    fn binding(&self) -> usize {
        self.tuning.binding.min(self.gpu.limits.max_storage_buffer_binding_size as usize)
    }

    /// At least `len` numbers that hold anything.
    fn scratch(&self, len: usize) -> Result<Arc<Buf<f32>>> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        match &*scratch {
            Some(buffer) if buffer.words() >= len => Ok(buffer.clone()),
            _ => Ok(scratch.insert(Arc::new(Buf::zeros(&self.gpu, len)?)).clone()),
        }
    }
}

/// A kernel as a device compiles it.
pub struct KernelText {
    /// What it does, as in profiles.
    pub label: &'static str,
    /// File and constants.
    pub name: String,
    pub text: String,
}

impl KernelText {
    fn new(kernel: &kernel::Kernel) -> Self {
        KernelText { label: kernel.label, name: kernel.name(), text: text::text(kernel) }
    }
}

/// The tier of a layer, and the kernels that a training step of it launches, in that order: with the limits of `adapter`, or
/// with those that every WebGPU device has.
pub fn layer_kernels(
    s: &Rnn,
    tier: Option<Tier>,
    adapter: Option<&Adapter>,
) -> Result<(Tier, Vec<KernelText>)> {
    let limits = adapter.map_or_else(::wgpu::Limits::defaults, Adapter::limits);
    let tuning = Tuning { tier, ..Tuning::default() };
    let tier = plan::Plan::new(s, &tuning, &limits, adapter.is_some_and(Adapter::is_software))?.tier;
    let kernels = layer::Kernels { s, tier, limits: &limits }.all();
    Ok((tier, kernels.iter().map(KernelText::new).collect()))
}

/// Workgroups in two dimensions where one would be too long; kernels number them `x + y * groups.x`.
fn grid(groups: usize, z: usize) -> [u32; 3] {
    const LIMIT: usize = 65_535;
    let y = groups.div_ceil(LIMIT);
    [groups.div_ceil(y.max(1)) as u32, y as u32, z as u32]
}

impl Backend for Wgpu {
    type Real = f32;
    type Buf<T: Word> = Buf<T>;
    type Frames = Frames;
    type Layer = Layer;

    fn describe(&self) -> String {
        self.adapter.describe()
    }

    /// None where the device has no time stamps.
    fn timeline(&self) -> Option<&Timeline> {
        self.gpu.has_clock().then_some(&self.gpu.timeline)
    }

    fn wait(&self) -> Result<()> {
        self.gpu.wait()
    }

    fn steps_ahead(&self) -> usize {
        16
    }

    fn roof(&self) -> Result<Roof> {
        roof::roof(self)
    }

    fn zeros<T: Word>(&self, len: usize) -> Result<Buf<T>> {
        Buf::zeros(&self.gpu, len)
    }

    fn write<T: Word>(&self, dst: &mut Buf<T>, src: &[T]) -> Result<()> {
        assert!(src.len() <= dst.words(), "{} words into a buffer of {}", src.len(), dst.words());
        self.gpu.write(&dst.buffer, bytemuck::cast_slice(src))
    }

    fn read<T: Word>(&self, src: &Buf<T>, dst: &mut [T]) -> Result<()> {
        assert!(dst.len() <= src.words(), "{} words out of a buffer of {}", dst.len(), src.words());
        self.gpu.read(&src.buffer, bytemuck::cast_slice_mut(dst))
    }

    fn frames(&self, chunks: &[ArcArray2<f32>]) -> Result<Frames> {
        Frames::new(self, chunks)
    }

    fn gather(&self, s: &Gather, frames: &Frames, a: GatherOperands<Buf<f32>, Buf<u32>>) -> Result<()> {
        operations::gather(self, s, frames, a)
    }

    fn conv_forward(&self, s: &Conv, a: ConvForward<Buf<f32>, Buf<u32>>) -> Result<()> {
        conv::forward(self, s, a)
    }

    fn conv_backward(&self, s: &Conv, a: ConvBackward<Buf<f32>, Buf<u32>>) -> Result<()> {
        conv::backward(self, s, a)
    }

    fn rnn(&self, s: &Rnn, purpose: Purpose) -> Result<Layer> {
        Layer::new(self, s, purpose)
    }

    fn rnn_load(&self, s: &Rnn, weights: &Buf<f32>, layer: &mut Layer) -> Result<()> {
        layer.load(self, s, weights)
    }

    fn rnn_forward(&self, s: &Rnn, a: RnnForward<Layer, Buf<f32>, Buf<u32>>) -> Result<()> {
        Layer::forward(self, s, a)
    }

    fn rnn_backward(&self, s: &Rnn, a: RnnBackward<Layer, Buf<f32>, Buf<u32>>) -> Result<()> {
        Layer::backward(self, s, a)
    }

    fn dropout(&self, s: &Dropout, marks: &Buf<u32>, x: &Buf<f32>, out: &mut Buf<f32>) -> Result<()> {
        operations::dropout(self, s, marks, x, out)
    }

    fn pool_forward(
        &self,
        s: &Pool,
        lengths: &Buf<u32>,
        y: &Buf<f32>,
        last: &Buf<f32>,
        out: &mut Buf<f32>,
    ) -> Result<()> {
        operations::pool_forward(self, s, lengths, y, last, out)
    }

    fn pool_backward(
        &self,
        s: &Pool,
        lengths: &Buf<u32>,
        d_out: &Buf<f32>,
        dy: &mut Buf<f32>,
        d_last: &mut Buf<f32>,
    ) -> Result<()> {
        operations::pool_backward(self, s, lengths, d_out, dy, d_last)
    }

    fn linear_forward(&self, s: &Linear, a: LinearForward<Buf<f32>>) -> Result<()> {
        operations::linear_forward(self, s, a)
    }

    fn linear_backward(&self, s: &Linear, a: LinearBackward<Buf<f32>>) -> Result<()> {
        operations::linear_backward(self, s, a)
    }

    fn loss(&self, s: &Loss, a: LossOperands<Buf<f32>, Buf<u32>>) -> Result<()> {
        operations::loss(self, s, a)
    }

    fn optimize(&self, s: &Optimizer, a: OptimizerOperands<Buf<f32>>) -> Result<()> {
        operations::optimize(self, s, a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, ConvSpec, Slab};
    use ::wgpu::naga;

    /// Without any driver: what `engine kernels` prints is WGSL, and asks for no more than every WebGPU device has.
    #[test]
    fn every_layer_has_kernels_that_any_device_takes() {
        let limits = ::wgpu::Limits::defaults();
        for cell in Cell::ALL {
            for hidden in [1, 7, 33, 64, 65, 80, 128, 256, 300] {
                let weights = Slab { offset: 0, stride: 0 };
                let s = Rnn {
                    cell,
                    models: 1,
                    batch: 1,
                    steps: 1,
                    input: 1,
                    hidden,
                    dirs: 1,
                    biases: 2,
                    weights,
                };
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
            for kernel in conv::kernels(&s) {
                assert_fits(&KernelText::new(&kernel), &::wgpu::Limits::defaults());
            }
        }
    }

    fn assert_fits(kernel: &KernelText, limits: &::wgpu::Limits) {
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
        let (floor, mut large) = (::wgpu::Limits::defaults(), ::wgpu::Limits::defaults());
        large.max_compute_invocations_per_workgroup = 1024;
        large.max_compute_workgroup_size_x = 1024;
        large.max_compute_workgroup_storage_size = 32 << 10;
        let tier = |cell, hidden, limits, is_software| {
            let weights = Slab { offset: 0, stride: 0 };
            let s =
                Rnn { cell, models: 1, batch: 1, steps: 1, input: 1, hidden, dirs: 1, biases: 2, weights };
            Tier::choose(&s, limits, is_software)
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

    /// A text that no compiler takes names itself, the place and the device.
    #[test]
    #[ignore = "needs a Vulkan driver; tools/test brings two"]
    fn a_kernel_that_does_not_compile_is_an_error() {
        let device = Adapter::choose(None).unwrap().open().unwrap();
        let mut kernel = kernel::probe::<kernel::tests::None>(&[]);
        kernel.files = &["@compute @workgroup_size(1) fn main() { nonsense(); }"];
        let launch = device::Launch {
            kernel,
            parameters: &[],
            operands: &[],
            grid: [1, 1, 1],
            work: crate::ops::Work::default(),
        };
        let error = device.gpu.launch(launch).unwrap_err();
        assert_eq!(error.fault, crate::error::Fault::Backend);
        for part in ["probe.wgsl", "nonsense", device.adapter().name()] {
            assert!(error.message.contains(part), "no {part} in {error}");
        }
    }

    /// Drivers promise memory that they do not have: what all buffers take together is counted.
    #[test]
    #[ignore = "needs a Vulkan driver; tools/test brings two"]
    fn memory_beyond_the_budget_is_refused_and_comes_back() {
        let mut device = Adapter::choose(None).unwrap().open().unwrap();
        device.gpu.budget = 3 << 20;
        let first = device.zeros::<f32>(1 << 19).unwrap();
        let error = device.zeros::<f32>(1 << 19).err().expect("two are too many");
        assert_eq!(error.fault, crate::error::Fault::Device);
        assert!(error.to_string().contains("--batch") && error.message.contains("2.0 MiB"), "{error}");
        drop(first);
        device.zeros::<f32>(1 << 19).unwrap();
        let error = device.zeros::<f32>(1 << 40).err().expect("larger than any buffer");
        assert_eq!(error.fault, crate::error::Fault::Device);
    }
}
