//! The convolution block on the device: products whose rows are gathered from `x`, or from the gradients of
//! the steps that won, while they run.

use super::blocks::{DEPTH, blocks, grid};
use super::device::Wgpu;
use super::gpu::Launch;
use super::kernel::{Kernel, parameters};
use super::memory::Buf;
use super::slice::Slice;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{
    Checked, Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, ConvSpec, Runs,
    Slab, Work,
};
use bytemuck::bytes_of;
use std::ops::Range;

parameters! {
    /// Parameters that all kernels of a block share: see kernels/wgsl/conv_layout.wgsl.
    Block {
        models, batch, steps, out_steps, input, filters, kernel,
        columns, depth, padded_depth, by_filter,
        x_first, y_first, from_step, to_step, x_base, y_base, lengths_base,
        share, splits, first_split, stride, weights_base,
    }
}

/// Pairs of rows that a workgroup of a product takes.
const PAIRS: usize = 32;
/// Columns for each vector that an invocation has of them.
const COLUMNS: usize = 32;
/// Numbers of the depth that a workgroup of the weight gradient takes.
const NUMBERS: usize = 64;
/// Rows of the output that one share of the weight gradient should have at least, and the most shares.
const SPLIT_ROWS: usize = 256;
const MAX_SPLITS: usize = 32;
/// Words of the partial weight gradients that are worked on at once.
const PARTIAL_WORDS: usize = 16 << 20;

/// The weights as a factor of a product: see kernels/wgsl/conv_pack.wgsl.
#[derive(Clone, Copy)]
struct Factor {
    columns: usize,
    depth: usize,
    by_filter: bool,
}

impl Factor {
    /// Filters by taps and channels.
    fn forward(s: &Conv) -> Self {
        Factor { columns: s.spec.filters, depth: s.depth(), by_filter: false }
    }

    /// Channels by taps and filters.
    fn backward(s: &Conv) -> Self {
        Factor { columns: s.input, depth: s.spec.kernel * s.spec.filters, by_filter: true }
    }

    /// Vectors of columns that an invocation takes.
    fn vectors(&self) -> usize {
        if self.columns <= COLUMNS { 1 } else { 2 }
    }

    fn tiles(&self) -> usize {
        self.columns.div_ceil(COLUMNS * self.vectors())
    }

    fn padded_depth(&self) -> usize {
        self.depth.next_multiple_of(DEPTH)
    }

    /// Columns, padded to whole tiles.
    fn padded_columns(&self) -> usize {
        self.tiles() * COLUMNS * self.vectors()
    }

    /// Words of one model, packed.
    fn words(&self) -> usize {
        self.padded_columns() * (self.padded_depth() + 1)
    }

    fn constants(&self) -> [(&'static str, u32); 2] {
        [("VECTORS", self.vectors() as u32), ("DEPTH", DEPTH as u32)]
    }

    fn parameters(&self, s: &Conv) -> Block {
        Block {
            batch: s.batch as u32,
            steps: s.steps as u32,
            out_steps: s.out_steps() as u32,
            input: s.input as u32,
            filters: s.spec.filters as u32,
            kernel: s.spec.kernel as u32,
            columns: self.columns as u32,
            depth: self.depth as u32,
            padded_depth: self.padded_depth() as u32,
            by_filter: u32::from(self.by_filter),
            stride: s.weights.stride as u32,
            ..Block::default()
        }
    }
}

fn pack_kernel(factor: &Factor) -> Kernel {
    kernel::conv_pack::<Block>(&factor.constants()[..1])
}

fn forward_kernel(s: &Conv, save: bool) -> Kernel {
    let constants = Factor::forward(s).constants();
    kernel::conv_forward::<Block>(&[&constants[..], &[("SAVE", u32::from(save))]].concat())
}

fn input_gradient_kernel(s: &Conv) -> Kernel {
    kernel::conv_input_gradient::<Block>(&Factor::backward(s).constants())
}

fn weight_gradient_kernel(s: &Conv) -> Kernel {
    kernel::conv_weight_gradient::<Block>(&Factor::forward(s).constants()[..1])
}

fn weight_gradient_sum_kernel(s: &Conv) -> Kernel {
    kernel::conv_weight_gradient_sum::<Block>(&Factor::forward(s).constants()[..1])
}

/// All kernels of a block.
fn block_kernels(s: &Conv) -> Vec<Kernel> {
    vec![
        pack_kernel(&Factor::forward(s)),
        forward_kernel(s, false),
        forward_kernel(s, true),
        weight_gradient_kernel(s),
        weight_gradient_sum_kernel(s),
        pack_kernel(&Factor::backward(s)),
        input_gradient_kernel(s),
    ]
}

/// Every kernel of the operation: narrow blocks have one vector of columns for an invocation, wide ones two.
pub fn kernels() -> Vec<Kernel> {
    let block = |columns| Conv {
        models: 1,
        batch: 1,
        steps: 4,
        input: columns,
        spec: ConvSpec { filters: columns, kernel: 3 },
        weights: Slab { offset: 0, stride: 0 },
    };
    [block_kernels(&block(COLUMNS)), block_kernels(&block(COLUMNS + 1))].concat()
}

/// Shares of a model's rows that the weight gradient sums apart. They follow from the sizes of one model
/// alone, however the work is cut.
struct Splits {
    count: usize,
    /// Rows of the output in each but the last.
    share: usize,
    /// Words of one share's sums.
    words: usize,
}

impl Splits {
    fn new(s: &Conv) -> Self {
        let words = Factor::forward(s).padded_columns() * (s.depth() + 1);
        let rows = s.out_steps() * s.batch;
        let most = (PARTIAL_WORDS / words).clamp(1, MAX_SPLITS);
        let share = rows.div_ceil(rows.div_ceil(SPLIT_ROWS).clamp(1, most)).max(1);
        Splits { count: rows.div_ceil(share), share, words }
    }

    /// Those that have rows of `steps`.
    fn of(&self, s: &Conv, steps: &Range<usize>) -> Range<usize> {
        steps.start * s.batch / self.share..(steps.end * s.batch).div_ceil(self.share)
    }
}

/// Along which steps a dispatch goes.
#[derive(Clone, Copy)]
enum Along {
    Output,
    Input,
}

/// How the work is cut, so that bindings stay within the device's limits and dispatches stay short.
struct Cut {
    along: Along,
    /// Models of a dispatch.
    together: usize,
    /// Steps of a dispatch.
    at_once: usize,
}

impl Cut {
    /// `own`: words of one model that have no time axis, beside its weights.
    fn new(wgpu: &Wgpu, s: &Conv, along: Along, own: usize) -> Result<Self> {
        // A binding may begin before its operand.
        let room = wgpu.binding().saturating_sub(256) / 4;
        let own = own.max(s.params()).max(s.batch);
        let (x, y) = (s.batch * s.input, s.batch * s.spec.filters);
        let whole = own.max(s.steps * x).max(s.out_steps() * y) <= room;
        // Of the output as many as there are inputs for; of the input as many as all outputs that it has a
        // part in allow.
        let fits = match along {
            Along::Output => s.spec.steps(room / x).min(room / y),
            Along::Input => (room / x).min((2 * (room / y)).saturating_sub(s.spec.kernel)),
        };
        if !whole && (own > room || fits == 0) {
            let (bytes, binding) = (4 * own.max((s.spec.kernel + 1) * x.max(y)), wgpu.binding());
            return Err(Error::new(
                ErrorKind::Device,
                format!(
                    "a step of a convolution takes {bytes} bytes, and this device binds {binding} at once"
                ),
            )
            .hint("use a smaller `batch`, or fewer or shorter filters"));
        }
        let all = along.steps(s).max(1);
        let dispatch_work = wgpu.tuning.dispatch_work;
        let work = (s.forward_work(false).flops as usize / s.models / all).max(1);
        let at_once = if whole { all } else { fits.min(all) }.min((dispatch_work / work).max(1));
        let together = if whole {
            let largest = own.max(s.weights.stride).max(s.steps * x).max(s.out_steps() * y);
            (room / largest).min(dispatch_work / (work * at_once)).clamp(1, s.models)
        } else {
            1
        };
        Ok(Cut { along, together, at_once })
    }

    /// The dispatches for `models`, in the order of time.
    fn parts<'a>(&self, s: &'a Conv, models: &Range<usize>) -> impl Iterator<Item = Part<'a>> {
        let (along, models) = (self.along, models.clone());
        blocks(along.steps(s), self.at_once).map(move |steps| {
            let taps = s.spec.kernel - 1;
            let (x, y) = match along {
                Along::Output => (2 * steps.start..2 * steps.end + taps, steps.clone()),
                Along::Input => {
                    let end = steps.end.div_ceil(2).min(s.out_steps());
                    (steps.clone(), (steps.start.saturating_sub(taps) / 2).min(end)..end)
                }
            };
            Part { s, models: models.clone(), steps, x, y }
        })
    }
}

impl Along {
    fn steps(self, s: &Conv) -> usize {
        match self {
            Along::Output => s.out_steps(),
            Along::Input => s.steps,
        }
    }
}

/// The part of the block that one dispatch computes.
struct Part<'a> {
    s: &'a Conv,
    models: Range<usize>,
    steps: Range<usize>,
    /// The bound range of the input and of buffers of its shape.
    x: Range<usize>,
    /// The bound range of the output and of buffers of its shape.
    y: Range<usize>,
}

impl Part<'_> {
    fn x<'b>(&self, buffer: &'b Buf<f32>) -> Slice<'b> {
        let start = self.s.x_at(self.models.start, self.x.start, 0);
        buffer.part(start..self.s.x_at(self.models.end - 1, self.x.end, 0))
    }

    fn y<'b>(&self, buffer: &'b Buf<f32>) -> Slice<'b> {
        let start = self.s.y_at(self.models.start, self.y.start, 0);
        buffer.part(start..self.s.y_at(self.models.end - 1, self.y.end, 0))
    }

    fn lengths<'b>(&self, buffer: &'b Buf<u32>) -> Slice<'b> {
        buffer.part(self.models.start * self.s.batch..self.models.end * self.s.batch)
    }

    fn parameters(&self, factor: &Factor, x: &Slice, y: &Slice, lengths: &Slice) -> Block {
        Block {
            models: self.models.len() as u32,
            x_first: self.x.start as u32,
            y_first: self.y.start as u32,
            from_step: self.steps.start as u32,
            to_step: self.steps.end as u32,
            x_base: x.base(),
            y_base: y.base(),
            lengths_base: lengths.base(),
            ..factor.parameters(self.s)
        }
    }

    /// The part's share of the work of all models and of all steps along which it goes.
    fn share(&self, work: Work, steps: usize) -> Work {
        work.share(self.models.len() * self.steps.len(), self.s.models * steps)
    }
}

/// The parameters, or gradients by them, of `models`.
fn slab<'a>(s: &Conv, weights: &'a Buf<f32>, models: &Range<usize>) -> Slice<'a> {
    weights.part(s.weight(models.start)..s.weight(models.end - 1) + s.params())
}

/// Packs the weights of `models` at the start of `pack`.
fn load(
    wgpu: &Wgpu,
    s: &Conv,
    factor: &Factor,
    weights: &Buf<f32>,
    models: &Range<usize>,
    pack: &Buf<f32>,
) -> Result<()> {
    let weights = slab(s, weights, models);
    let parameters = Block { weights_base: weights.base(), ..factor.parameters(s) };
    wgpu.gpu.launch(Launch {
        kernel: pack_kernel(factor),
        parameters: bytes_of(&parameters),
        operands: &[weights, pack.part(0..models.len() * factor.words())],
        grid: grid((factor.words() / 4).div_ceil(64), models.len()),
        work: Work::default(),
    })
}

impl Runs<ConvForward> for Wgpu {
    fn execute(&self, s: &Conv, a: ConvForwardOperands<Self>, _: Checked) -> Result<()> {
        let wgpu = self;
        let ConvForwardOperands { weights, x, lengths, y, argmax } = a;
        let factor = Factor::forward(s);
        let cut = Cut::new(wgpu, s, Along::Output, factor.words())?;
        let pack = wgpu.scratch(cut.together * factor.words())?;
        let save = argmax.is_some();
        for models in blocks(s.models, cut.together) {
            load(wgpu, s, &factor, weights, &models, &pack)?;
            for part in cut.parts(s, &models) {
                let (x, y, lengths) = (part.x(x), part.y(y), part.lengths(lengths));
                let parameters = part.parameters(&factor, &x, &y, &lengths);
                let mut operands = vec![pack.part(0..models.len() * factor.words()), lengths, x, y];
                operands.extend(argmax.as_deref().map(|argmax| part.y(argmax)));
                wgpu.gpu.launch(Launch {
                    kernel: forward_kernel(s, save),
                    parameters: bytes_of(&parameters),
                    operands: &operands,
                    grid: grid((part.steps.len() * s.batch).div_ceil(PAIRS), models.len() * factor.tiles()),
                    work: part.share(s.forward_work(save), s.out_steps()),
                })?;
            }
        }
        Ok(())
    }
}

impl Runs<ConvBackward> for Wgpu {
    fn execute(&self, s: &Conv, a: ConvBackwardOperands<Self>, _: Checked) -> Result<()> {
        let ConvBackwardOperands { weights, x, lengths, argmax, dy, dx, d_weights } = a;
        let gradient = Gradient { wgpu: self, s, lengths, argmax, dy };
        gradient.by_weights(x, d_weights)?;
        dx.map_or(Ok(()), |dx| gradient.by_input(weights, dx))
    }
}

/// The operands that both gradients read.
struct Gradient<'a> {
    wgpu: &'a Wgpu,
    s: &'a Conv,
    lengths: &'a Buf<u32>,
    argmax: &'a Buf<f32>,
    dy: &'a Buf<f32>,
}

impl Gradient<'_> {
    fn by_weights(&self, x: &Buf<f32>, d_weights: &Buf<f32>) -> Result<()> {
        let Gradient { wgpu, s, .. } = *self;
        let (factor, splits) = (Factor::forward(s), Splits::new(s));
        let words = splits.count.max(1) * splits.words;
        let cut = Cut::new(wgpu, s, Along::Output, words)?;
        let together = cut.together.min(PARTIAL_WORDS / words).max(1);
        let partial = wgpu.scratch(together * words)?;
        for models in blocks(s.models, together) {
            let partial = partial.part(0..models.len() * words);
            for part in cut.parts(s, &models) {
                let (x, dy, lengths) = (part.x(x), part.y(self.dy), part.lengths(self.lengths));
                let range = splits.of(s, &part.steps);
                let parameters = Block {
                    share: splits.share as u32,
                    first_split: range.start as u32,
                    ..part.parameters(&factor, &x, &dy, &lengths)
                };
                wgpu.gpu.launch(Launch {
                    kernel: weight_gradient_kernel(s),
                    parameters: bytes_of(&parameters),
                    operands: &[lengths, part.y(self.argmax), dy, x, partial.clone()],
                    grid: [
                        s.depth().div_ceil(NUMBERS) as u32,
                        range.len() as u32,
                        (models.len() * factor.tiles()) as u32,
                    ],
                    work: part.share(s.weight_gradient_work(), s.out_steps()),
                })?;
            }
            let d_weights = slab(s, d_weights, &models);
            let parameters = Block {
                models: models.len() as u32,
                splits: splits.count as u32,
                weights_base: d_weights.base(),
                ..factor.parameters(s)
            };
            wgpu.gpu.launch(Launch {
                kernel: weight_gradient_sum_kernel(s),
                parameters: bytes_of(&parameters),
                operands: &[partial, d_weights],
                grid: grid((splits.words / 4).div_ceil(64), models.len()),
                work: Work::default(),
            })?;
        }
        Ok(())
    }

    fn by_input(&self, weights: &Buf<f32>, dx: &Buf<f32>) -> Result<()> {
        let Gradient { wgpu, s, .. } = *self;
        let factor = Factor::backward(s);
        let cut = Cut::new(wgpu, s, Along::Input, factor.words())?;
        let pack = wgpu.scratch(cut.together * factor.words())?;
        for models in blocks(s.models, cut.together) {
            load(wgpu, s, &factor, weights, &models, &pack)?;
            for part in cut.parts(s, &models) {
                let (dx, dy, lengths) = (part.x(dx), part.y(self.dy), part.lengths(self.lengths));
                let parameters = part.parameters(&factor, &dx, &dy, &lengths);
                wgpu.gpu.launch(Launch {
                    kernel: input_gradient_kernel(s),
                    parameters: bytes_of(&parameters),
                    operands: &[
                        pack.part(0..models.len() * factor.words()),
                        lengths,
                        part.y(self.argmax),
                        dy,
                        dx,
                    ],
                    grid: grid(
                        (part.steps.len() * s.batch).div_ceil(2 * PAIRS),
                        models.len() * factor.tiles(),
                    ),
                    work: part.share(s.input_gradient_work(), s.steps),
                })?;
            }
        }
        Ok(())
    }
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        conv_pack, "convolution weights", "conv_pack", [];
        conv_forward, "convolution", "conv_forward", ["lengths", "conv_layout", "conv_argmax", "conv_gemm"];
        conv_weight_gradient, "convolution weight gradient", "conv_weight_gradient", ["lengths", "conv_layout", "conv_argmax"];
        conv_weight_gradient_sum, "convolution weight gradient sum", "conv_weight_gradient_sum", [];
        conv_input_gradient, "convolution input gradient", "conv_input_gradient", ["lengths", "conv_layout", "conv_argmax", "conv_gemm"];
    }
}
