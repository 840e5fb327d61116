//! How a recurrent layer is run: which kernels, and how the work is cut so that bindings stay within the
//! device's limits and dispatches stay short. All of it follows from the layer's sizes, its format and the
//! device's limits.
//!
//! Only the number of models in a dispatch may depend on how many models there are: a model's sums must be
//! the same alone and in a fold group.

use super::super::blocks::{DEPTH, blocks};
use super::super::slice::ALIGNMENT;
use super::format::Format;
use crate::backend::Algorithm;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Rnn;
use std::ops::Range;

/// Rows of the streamed time loops.
pub const ROWS: usize = 8;
/// Rows, and units, of a workgroup of the kernels of one time step.
pub const STEP_TILE: usize = 16;
/// Units whose recurrent weights are worth reading again every step in one workgroup.
pub const STREAMED_UNITS: usize = 256;

/// The device and the format that a layer is planned for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Limits of the device.
    pub limits: &'a wgpu::Limits,
    /// Whether a processor does a GPU's work.
    pub is_software: bool,
    /// Format of the layer's stored vectors.
    pub format: Format,
}

/// The first algorithm that can run the layer and suits the device. A software driver has no registers for a
/// workgroup: it reads from memory what `persistent` keeps in them, and takes long to compile it. A GPU has
/// more processors than `streamed` has workgroups, each of which reads all weights at each step: many
/// workgroups, launched anew for each step, are faster.
pub fn choose(s: &Rnn, target: &Target) -> Algorithm {
    let unsuited = if target.is_software { Algorithm::Persistent } else { Algorithm::Streamed };
    let good = |algorithm: &Algorithm| fits(*algorithm, s, target) && *algorithm != unsuited;
    Algorithm::ALL.into_iter().find(good).expect("`per-step` runs every layer")
}

/// Whether the layer can run so within the target's limits.
pub fn fits(algorithm: Algorithm, s: &Rnn, target: &Target) -> bool {
    let limits = target.limits;
    let invocations = invocations(limits);
    let memory = limits.max_compute_workgroup_storage_size as usize;
    match algorithm {
        Algorithm::Persistent => {
            s.hidden <= target.format.register_units()
                && fits_in_parts(s, limits, persistent_parts(s, limits))
        }
        Algorithm::Streamed => {
            s.hidden <= STREAMED_UNITS
                && s.hidden <= invocations
                && streamed_bytes(s, limits, MIN_STREAMED_ROWS) <= memory
        }
        // WGSL has no groups of workgroups that share memory.
        Algorithm::Cluster => false,
        Algorithm::PerStep => true,
    }
}

/// Why no layer here has the algorithm `cluster`.
pub const NO_CLUSTER: &str = "`fits` accepts `cluster` for no layer on wgpu";

/// Invocations that a workgroup may have in one row.
fn invocations(limits: &wgpu::Limits) -> usize {
    limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x) as usize
}

/// Parts of the depth of the GEMM in the persistent forward time loop, and the most rows of a workgroup.
pub fn persistent_parts(s: &Rnn, limits: &wgpu::Limits) -> usize {
    if fits_in_parts(s, limits, 4) { 4 } else { 3 }
}

/// Whether a workgroup of the persistent time loops may have so many parts and rows.
fn fits_in_parts(s: &Rnn, limits: &wgpu::Limits, parts: usize) -> bool {
    parts * s.hidden.next_multiple_of(2) <= invocations(limits)
        && persistent_bytes(s, parts) <= limits.max_compute_workgroup_storage_size as usize
}

/// Rows of a workgroup of the persistent time loops: the fewest with which there are not too many workgroups,
/// because a time step takes the longer the more rows it has. A row's sums are the same.
fn persistent_rows(s: &Rnn, parts: usize, workgroups: usize) -> usize {
    let fits = |rows: &usize| s.batch.div_ceil(*rows) * s.models * s.dirs <= workgroups;
    [1, 2].into_iter().find(fits).unwrap_or(parts)
}

/// Workgroup memory of the persistent time loops with the most rows, the larger of the two.
fn persistent_bytes(s: &Rnn, rows: usize) -> usize {
    let forward = 4 * rows * rows * s.hidden.div_ceil(rows) + 16 * rows * 3 * s.hidden;
    let parts = 2 * rows;
    let backward =
        16 * rows * parts * s.hidden.div_ceil(parts) + 4 * parts * rows * s.hidden.next_multiple_of(2);
    forward.max(backward)
}

/// Below so many rows a workgroup reads the weights for too little.
const MIN_STREAMED_ROWS: usize = 4;

/// Invocations of a workgroup of the streamed time loops: the units, rounded up so that layers of about the
/// same width share a program.
pub fn streamed_lanes(s: &Rnn, limits: &wgpu::Limits) -> usize {
    s.hidden.next_multiple_of(32).min(limits.max_compute_invocations_per_workgroup as usize)
}

/// Rows that a workgroup of the streamed backward time loop takes.
pub fn streamed_rows(s: &Rnn, limits: &wgpu::Limits) -> usize {
    let memory = limits.max_compute_workgroup_storage_size as usize;
    if streamed_bytes(s, limits, ROWS) <= memory { ROWS } else { MIN_STREAMED_ROWS }
}

/// Workgroup memory of the backward time loop: a vector per unit and row.
fn streamed_bytes(s: &Rnn, limits: &wgpu::Limits, rows: usize) -> usize {
    16 * streamed_lanes(s, limits) * rows
}

/// The numbers that a workgroup of a GEMM over all time steps sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Rows of the batch; in the weight gradient, columns.
    pub rows: usize,
    /// Units, four numbers each.
    pub units: usize,
}

const LARGE: Tile = Tile { rows: 128, units: 32 };
const SMALL: Tile = Tile { rows: 64, units: 16 };
/// Workgroups at a time of a GPU, and of a software driver.
const GPU_WORKGROUPS: usize = 128;
const SOFTWARE_WORKGROUPS: usize = 16;

impl Tile {
    /// The large one if there is enough work for it: it reads the operands less often. The sums are the same.
    fn of(rows: usize, units: usize, each: usize, workgroups: usize) -> Tile {
        let count = rows.div_ceil(LARGE.rows) * units.div_ceil(LARGE.units) * each;
        if count >= workgroups { LARGE } else { SMALL }
    }

    /// Invocations of a workgroup: each sums eight rows of two units.
    pub fn invocations(&self) -> usize {
        self.rows * self.units / 16
    }
}

/// Columns of the weight gradient that its GEMM sums: the inputs and the units, each in whole fours.
pub fn weight_columns(s: &Rnn) -> usize {
    s.input.next_multiple_of(4) + s.hidden.next_multiple_of(4)
}

/// Limits by which the work is cut; the defaults are for users, others for tests.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// This algorithm and no other, if the layer fits.
    pub algorithm: Option<Algorithm>,
    /// Operations that one dispatch should not exceed: some tens of milliseconds on a weak GPU.
    pub dispatch_work: usize,
    /// Bytes that one binding may have; the device's limit if that is smaller.
    pub binding: usize,
    /// Workgroups that the device should have at a time: as many as it has processors, about.
    pub workgroups: Option<usize>,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { algorithm: None, dispatch_work: 2_000_000_000, binding: usize::MAX, workgroups: None }
    }
}

/// The share of one dispatch of the time loop, or of a gradient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub models: Range<usize>,
    /// The bound range of every buffer with a time axis.
    pub bound: Range<usize>,
    /// By direction, the steps that are worked on: as many of each.
    pub steps: [Range<usize>; 2],
    pub dirs: Range<usize>,
}

impl Part {
    /// Steps that each direction works on.
    pub fn len(&self) -> usize {
        self.steps[0].len()
    }

    /// The part step by step, in the order of the forward time loop.
    pub fn each_step(&self) -> impl DoubleEndedIterator<Item = Part> + '_ {
        let [forward, reverse] = self.steps.clone();
        (0..self.len()).map(move |i| {
            let (t, mirrored) = (forward.start + i, reverse.end - 1 - i);
            Part { steps: [t..t + 1, mirrored..mirrored + 1], ..self.clone() }
        })
    }

    /// Before the first step of the forward time loop.
    pub fn before(&self) -> Part {
        let [forward, reverse] = self.steps.clone();
        Part { steps: [forward.start..forward.start, reverse.end..reverse.end], ..self.clone() }
    }
}

/// How a layer's work is cut.
#[derive(Clone, Debug)]
pub struct Plan {
    pub algorithm: Algorithm,
    /// Format of the packed weights and of the gates.
    pub format: Format,
    /// In the order of the forward time loop.
    pub time_loop: Vec<Part>,
    /// For the gradients after the time loop; the parts of one model are in the order of time.
    pub gradient: Vec<Part>,
    /// Shares of a part's rows that the weight gradient sums apart.
    pub splits: usize,
    /// Of the input projection and the input gradient.
    pub tile: Tile,
    /// Of the weight gradient.
    pub weight_tile: Tile,
    /// Rows of a workgroup of the persistent time loops.
    pub persistent_rows: usize,
}

/// Rows and steps that one share of the weight gradient should have at least; the most shares of a large
/// layer, and those of any.
const SPLIT_ROWS: usize = 256;
const MAX_SPLITS: [usize; 2] = [16, 64];
/// Bytes of the partial weight gradients of the models that are worked on at once.
const PARTIAL_BYTES: usize = 64 << 20;

impl Plan {
    pub fn new(s: &Rnn, tuning: &Tuning, target: &Target) -> Result<Self> {
        let Target { limits, is_software, format } = *target;
        let algorithm = match tuning.algorithm {
            None => choose(s, target),
            Some(algorithm) if fits(algorithm, s, target) => algorithm,
            Some(algorithm) => {
                return Err(Error::config(format!(
                    "a {} layer of {} units does not fit the algorithm `{algorithm}` here",
                    s.cell.name(),
                    s.hidden,
                )));
            }
        };
        let binding = tuning.binding.min(limits.max_storage_buffer_binding_size as usize);
        let too_large = |what: &str, bytes: usize, way_out: &str| {
            Err(Error::new(
                ErrorKind::Device,
                format!("{what} takes {bytes} bytes, and this device binds {binding} at once"),
            )
            .hint(way_out.to_string()))
        };
        // Of one model: all that has no time axis, and a step of the largest that has one.
        let fixed = (4 * s.params())
            .max(4 * format.words() * s.dirs * pack_len(s).max(back_len(s)))
            .max(4 * s.cell.states() * s.dirs * s.batch * s.hidden);
        let step = 4 * s.batch * (format.words() * s.dirs * s.hidden).max(s.input);
        if fixed > binding {
            return too_large("the weights or the state of one layer", fixed, "use fewer units in `hidden`");
        }
        if 4 * step > binding {
            return too_large("one step of a batch", step, "use a smaller `batch`");
        }
        // Operations of a step of one model, forward: backward's dispatches have about as many.
        let work = 2 * s.cell.gates() * s.hidden * (s.hidden + s.input) * s.batch * s.dirs;
        let chunk = (tuning.dispatch_work / work.max(1)).clamp(1, s.steps);
        let whole = fixed.max(s.steps * step) <= binding;
        // Two steps more than are worked on: the states before and after.
        let chunk = if whole { chunk } else { chunk.min(binding / step - 2) };
        let together = if whole {
            let by_size = binding / fixed.max(s.steps * step);
            let by_work = tuning.dispatch_work / (work * chunk).max(1);
            by_size.min(by_work.max(1)).min(s.models)
        } else {
            1
        };
        let chunks: Vec<Range<usize>> =
            (0..s.steps).step_by(chunk).map(|from| from..(from + chunk).min(s.steps)).collect();
        // A model alone should give a GPU work enough, but more models must not change a model's sums.
        let tiles = weight_columns(s).div_ceil(LARGE.rows) * s.hidden.div_ceil(LARGE.units) * s.dirs;
        let [of_large, most] = MAX_SPLITS;
        let wanted = (2 * GPU_WORKGROUPS).div_ceil(tiles).clamp(of_large, most);
        let splits = (chunk * s.batch).div_ceil(SPLIT_ROWS).clamp(1, wanted);
        let partial = 16 * splits * s.dirs * (s.input + s.hidden + 1) * s.hidden;
        if partial > binding {
            return too_large("the weight gradient of one layer", partial, "use fewer units in `hidden`");
        }
        let gradient_together = together.min((PARTIAL_BYTES.min(binding) / partial).max(1));
        let bound = |steps: &Range<usize>| {
            if whole { 0..s.steps } else { steps.start.saturating_sub(1)..(steps.end + 1).min(s.steps) }
        };
        let mut time_loop = Vec::new();
        for models in blocks(s.models, together) {
            for chunk in &chunks {
                // The reverse direction begins at the end.
                let steps = [chunk.clone(), s.steps - chunk.end..s.steps - chunk.start];
                if whole {
                    time_loop.push(Part {
                        models: models.clone(),
                        bound: 0..s.steps,
                        steps,
                        dirs: 0..s.dirs,
                    });
                } else {
                    time_loop.extend((0..s.dirs).map(|dir| Part {
                        models: models.clone(),
                        bound: bound(&steps[dir]),
                        steps: steps.clone(),
                        dirs: dir..dir + 1,
                    }));
                }
            }
        }
        let mut gradient = Vec::new();
        for models in blocks(s.models, gradient_together) {
            gradient.extend(chunks.iter().map(|chunk| Part {
                models: models.clone(),
                bound: bound(chunk),
                steps: [chunk.clone(), chunk.clone()],
                dirs: 0..s.dirs,
            }));
        }
        let workgroups =
            tuning.workgroups.unwrap_or(if is_software { SOFTWARE_WORKGROUPS } else { GPU_WORKGROUPS });
        let slabs = s.models * s.dirs;
        Ok(Plan {
            algorithm,
            format,
            time_loop,
            gradient,
            splits,
            tile: Tile::of(s.steps * s.batch, s.hidden, slabs, workgroups),
            weight_tile: Tile::of(weight_columns(s), s.hidden, splits * slabs, workgroups),
            persistent_rows: persistent_rows(s, persistent_parts(s, limits), workgroups),
        })
    }

    /// The most steps and models that one part of the time loop has.
    pub fn largest(&self) -> (usize, usize) {
        let steps = self.time_loop.iter().map(Part::len).max();
        let models = self.time_loop.iter().map(|part| part.models.len()).max();
        (steps.unwrap_or(0), models.unwrap_or(0))
    }

    /// The most models that one part of the gradient has.
    pub fn gradient_models(&self) -> usize {
        self.gradient.iter().map(|part| part.models.len()).max().unwrap_or(0)
    }
}

/// Vectors of the packed weights of one model and direction, forward: see kernels/wgsl/rnn_layout.wgsl.
pub fn pack_len(s: &Rnn) -> usize {
    aligned((padded(s.input) + padded(s.hidden) + 1) * s.hidden)
}

/// Vectors of the packed weights of one model and direction, backward.
pub fn back_len(s: &Rnn) -> usize {
    aligned(padded(s.hidden) * (s.hidden + s.input))
}

/// So many vectors that the next model's begin where a binding may, in either format.
fn aligned(vectors: usize) -> usize {
    vectors.next_multiple_of(ALIGNMENT / Format::F16.words())
}

/// To whole rounds of the tiled kernels.
pub fn padded(numbers: usize) -> usize {
    numbers.next_multiple_of(DEPTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, RnnSize};

    #[test]
    fn the_algorithm_follows_from_the_width_and_the_limits() {
        let (floor, mut large) = (wgpu::Limits::defaults(), wgpu::Limits::defaults());
        large.max_compute_invocations_per_workgroup = 1024;
        large.max_compute_workgroup_size_x = 1024;
        large.max_compute_workgroup_storage_size = 32 << 10;
        let planned = |cell, hidden, limits, is_software, format| {
            let s = Rnn::one(cell, RnnSize { batch: 1, steps: 1, input: 1, hidden });
            choose(&s, &Target { limits, is_software, format })
        };
        for (cell, hidden, format, at_floor, at_large) in [
            (Cell::Lstm, 64, Format::Fp32, Algorithm::Persistent, Algorithm::Persistent),
            (Cell::Lstm, 80, Format::Fp32, Algorithm::Persistent, Algorithm::Persistent),
            (Cell::Gru, 80, Format::Fp32, Algorithm::Persistent, Algorithm::Persistent),
            (Cell::Gru, 81, Format::Fp32, Algorithm::PerStep, Algorithm::PerStep),
            (Cell::Lstm, 256, Format::Fp32, Algorithm::PerStep, Algorithm::PerStep),
            (Cell::Gru, 80, Format::F16, Algorithm::Persistent, Algorithm::Persistent),
            (Cell::Gru, 128, Format::F16, Algorithm::PerStep, Algorithm::Persistent),
            (Cell::Lstm, 128, Format::F16, Algorithm::PerStep, Algorithm::Persistent),
            (Cell::Lstm, 129, Format::F16, Algorithm::PerStep, Algorithm::PerStep),
        ] {
            let [floor, large] = [&floor, &large].map(|limits| planned(cell, hidden, limits, false, format));
            assert_eq!((floor, large), (at_floor, at_large), "{cell:?} {hidden} {format:?}");
        }
        let algorithm =
            |cell, hidden, limits, is_software| planned(cell, hidden, limits, is_software, Format::Fp32);
        // Many invocations, and no more memory than the floor: three parts of the depth.
        let narrow = wgpu::Limits { max_compute_workgroup_storage_size: 16 << 10, ..large };
        assert_eq!(algorithm(Cell::Lstm, 80, &narrow, false), Algorithm::Persistent);
        for (hidden, software) in
            [(64, Algorithm::Streamed), (256, Algorithm::Streamed), (257, Algorithm::PerStep)]
        {
            assert_eq!(algorithm(Cell::Lstm, hidden, &floor, true), software, "{hidden}, software");
        }
    }
}
