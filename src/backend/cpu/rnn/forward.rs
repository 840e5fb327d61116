//! Forward: a task owns a tile of batch rows and runs all its time steps. Threads synchronize only if a team
//! shares the tile (`team.rs`).
//!
//! ```text
//! for each chunk of time steps:
//!     wx = W_ih x + b                  one GEMM for all steps of the chunk: W_ih is read once for many rows
//!     for each step of the chunk:
//!         for each block of units, group of R live rows:
//!             acc  = wx + W_hh h       the recurrent GEMM, in registers
//!             h, c = cell(acc, c)      its epilogue, while the sums are in registers, as are the states f32
//!             y[step] = h;  reserve[step] = gates
//!         last = h of the rows whose last step this was
//! ```

use super::super::cache::CACHES;
use super::super::device::Cpu;
use super::super::format::{Format, Operands, with_format};
use super::super::isa::{self, Task};
use super::super::kernel::{block_rows, groups, multiply, with_rows};
use super::super::memory::{carve, carve_numbers, carved};
use super::super::simd::Simd;
use super::cell::{VectorCell, with_cell};
use super::layer::{Layer, Tile, for_each_tile, reserve_row_len, tiles};
use super::pack::Gates;
use super::team::{Member, Team};
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnForward, RnnForwardOperands, Runs};
use std::marker::PhantomData;
use std::ops::Range;

impl Runs<RnnForward> for Cpu {
    fn execute(&self, s: &Rnn, a: RnnForwardOperands<Self>, _: Checked) -> Result<()> {
        with_format!(self.precision, E => forward::<E>(self, s, a));
        Ok(())
    }
}

fn forward<E: Format>(cpu: &Cpu, s: &Rnn, a: RnnForwardOperands<Cpu>) {
    let isa = cpu.isa();
    let layer = &mut a.layer.memory;
    layer.check(cpu.layout());
    layer.save_lengths(a.save.then_some(&a.lengths[..s.models * s.batch]));
    let Layer { packed, reserve, scratch, .. } = layer;
    let (y, last) = (Disjoint::new(a.y), Disjoint::new(a.last));
    let reserve = a.save.then(|| Disjoint::new(bytemuck::cast_slice_mut::<f32, E::Number>(reserve)));
    let tiles = tiles(s);
    let wanted = members(s, tiles.len(), E::PAIR);
    for_each_tile(tiles, |tile| {
        let width = s.hidden.next_multiple_of(isa.lanes());
        let mut space = scratch.borrow(Space::<E>::len(s, &tile, width));
        let team = Team::default();
        let pass = Pass::<E> {
            s,
            weights: &packed[tile.m * s.dirs + tile.dir].gates,
            x: a.x,
            lengths: &a.lengths[tile.m * s.batch..][tile.rows.clone()],
            initial: a.initial.map(Vec::as_slice),
            y: &y,
            last: &last,
            reserve: reserve.as_ref(),
            space: Space::new(s, &tile, width, space.as_mut()),
            tile,
        };
        let run_steps = |member: Member| {
            with_cell!(s.cell, C, G => {
                isa::run(isa, ForwardTile::<E, C, G> { pass: &pass, member, cell: PhantomData })
            })
        };
        if wanted == 1 {
            return run_steps(team.lead());
        }
        rayon::scope(|scope| {
            for _ in 1..wanted {
                scope.spawn(|_| run_steps(team.join()));
            }
            run_steps(team.lead());
        });
    });
}

/// Threads that share one tile: more than one only if some threads have no tile, and each has so many weights
/// that streaming them takes longer than a barrier.
fn members(s: &Rnn, tiles: usize, pair: usize) -> usize {
    const FEWEST_BYTES: usize = 64 << 10;
    let bytes = size_of::<f32>() / pair * s.cell.gates() * s.hidden * s.hidden;
    (rayon::current_num_threads() / tiles.max(1)).min(bytes / FEWEST_BYTES).clamp(1, Team::LARGEST)
}

/// Buffers that the members of a team share during the time loop; each member writes its own hidden units.
struct Space<'a, E: Format> {
    /// `h` before and after a step, double-buffered; `(rows, width)` each.
    h: [Disjoint<'a, f32>; 2],
    /// The same as operands of the recurrent product; empty where the states themselves are.
    operands: [Disjoint<'a, E::Number>; 2],
    /// `(rows, width)`
    c: Disjoint<'a, f32>,
    /// Input parts of the gates of some steps, `(live rows, blocks, G, LANES)`.
    wx: Disjoint<'a, f32>,
    /// How many steps `wx` has room for.
    chunk: usize,
}

impl<'a, E: Format> Space<'a, E> {
    /// Of the states, of the operands in numbers, and of `wx`.
    fn lens(s: &Rnn, tile: &Tile, width: usize) -> [usize; 3] {
        let rows = tile.rows.len();
        let step = rows * s.cell.gates() * width;
        [rows * width, if E::IS_STATE { 0 } else { rows * width }, chunk_steps(step, s.steps) * step]
    }

    fn len(s: &Rnn, tile: &Tile, width: usize) -> usize {
        let [state, operand, wx] = Self::lens(s, tile, width);
        let operand = operand.div_ceil(E::PAIR);
        carved([state, state, state, operand, operand, wx])
    }

    fn new(s: &Rnn, tile: &Tile, width: usize, mut space: &'a mut [f32]) -> Self {
        let [state, operand, wx] = Self::lens(s, tile, width);
        let [h, next_h, c] = [state; 3].map(|len| Disjoint::new(carve(&mut space, len)));
        let operands = [operand; 2].map(|len| Disjoint::new(carve_numbers::<E>(&mut space, len)));
        let wx = Disjoint::new(carve(&mut space, wx));
        let chunk = chunk_steps(tile.rows.len() * s.cell.gates() * width, s.steps);
        Space { h: [h, next_h], operands, c, wx, chunk }
    }
}

/// Time steps whose input parts, of `step_len` elements each, are computed at once: they must stay in the
/// second-level cache.
fn chunk_steps(step_len: usize, steps: usize) -> usize {
    (CACHES.l2 / 4 / (size_of::<f32>() * step_len)).clamp(1, steps.max(1))
}

struct Pass<'a, E: Format> {
    s: &'a Rnn,
    tile: Tile,
    weights: &'a Gates,
    x: &'a [f32],
    /// Of the tile's rows.
    lengths: &'a [u32],
    initial: Option<&'a [f32]>,
    y: &'a Disjoint<'a, f32>,
    last: &'a Disjoint<'a, f32>,
    reserve: Option<&'a Disjoint<'a, E::Number>>,
    space: Space<'a, E>,
}

/// One member's part of a tile.
struct ForwardTile<'a, E: Format, C, const G: usize> {
    pass: &'a Pass<'a, E>,
    member: Member<'a>,
    cell: PhantomData<C>,
}

/// One row at one step: `h`, `next_h`, their operands and `c` are `width` numbers, whole blocks of units, `y`
/// is `hidden`.
struct Cells<E: Format> {
    /// Input parts of the gates, `(blocks, G, LANES)`.
    wx: *const f32,
    h: *const f32,
    next_h: *mut f32,
    /// `h` and `next_h` as operands.
    operand: *const E::Number,
    next_operand: *mut E::Number,
    c: *mut f32,
    y: *mut f32,
    /// `(blocks, saved, LANES)`, or null if nothing is saved.
    reserve: *mut E::Number,
}

impl<E: Format, C: VectorCell<G>, const G: usize> Task for ForwardTile<'_, E, C, G> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let Pass { s, tile, lengths, space, .. } = self.pass;
        let width = s.hidden.next_multiple_of(S::LANES);
        let count = tile.rows.len();
        debug_assert!(space.h.iter().chain([&space.c]).all(|state| state.len() == count * width));
        let steps = lengths.iter().max().map_or(0, |&longest| longest as usize);
        if self.member.leads() {
            // SAFETY: the others wait in their first `begin` for a plan, and the leader stores none before
            // its own.
            unsafe { self.begin(width) };
        }
        // Of `h` after a step, of `c` and of `wx` a member writes its own units alone; `h` before a step
        // nobody writes.
        let pointer = |space: &Disjoint<f32>| space.pointer(0..space.len());
        let h = [pointer(&space.h[0]), pointer(&space.h[1])];
        let (c, wx) = (pointer(&space.c), pointer(&space.wx));
        let operands: [*mut E::Number; 2] = match E::IS_STATE {
            true => h.map(|h| h.cast()),
            false => [0, 1].map(|i| space.operands[i].pointer(0..count * width)),
        };
        let mut inputs = Operands::new();
        let mut cells = Vec::with_capacity(count);
        for first in (0..steps).step_by(space.chunk) {
            let chunk = first..(first + space.chunk).min(steps);
            // The input parts of a chunk are a step of the team's own.
            if self.member.begin(first + first / space.chunk + 1) {
                // SAFETY: `run`'s caller has `S`'s instructions; the member has begun the chunk's own step of
                // the team, and `wx` is the start of the space's.
                unsafe { self.project::<S>(chunk.clone(), &mut inputs, wx) };
                self.member.end();
            }
            let mut wx = wx.cast_const();
            for step in chunk {
                let live = |row: &usize| step < lengths[*row] as usize;
                if !self.member.begin(step + first / space.chunk + 2) {
                    wx = wx.wrapping_add((0..count).filter(live).count() * G * width);
                    continue;
                }
                cells.clear();
                for row in (0..count).filter(live) {
                    let (y, reserve) = self.outputs::<S>(row, step);
                    let at = |state: *mut f32| state.wrapping_add(row * width);
                    let operand = |before: usize| operands[(step + before) % 2].wrapping_add(row * width);
                    let (h, next_h) = (at(h[step % 2]), at(h[(step + 1) % 2]));
                    let (operand, next_operand) = (operand(0).cast_const(), operand(1));
                    cells.push(Cells { wx, h, next_h, operand, next_operand, c: at(c), y, reserve });
                    wx = wx.wrapping_add(G * width);
                }
                // SAFETY: `run`'s caller has `S`'s instructions, and the member has begun this step. The
                // states and operands have `width` numbers for each of `count` rows; `outputs` checked the
                // bounds of `y` and of the reserve; `wx` moves on by `G * width` for each row that is live,
                // as `project` wrote it. All of a row belongs to this tile alone, and rows do not overlap.
                unsafe { self.recur::<S>(&cells) };
                self.member.end();
                if self.member.leads() {
                    for row in (0..count).filter(|&row| step + 1 == lengths[row] as usize) {
                        // SAFETY: `end` waited for all members, and none begins the next step before the
                        // leader does: nobody writes a state.
                        unsafe { self.finish(row, &space.h[(step + 1) % 2], width) };
                    }
                }
            }
        }
    }
}

impl<E: Format, C: VectorCell<G>, const G: usize> ForwardTile<'_, E, C, G> {
    /// Loads the tile's states. A row without steps is finished before it begins.
    ///
    /// # Safety
    /// The caller leads the team, and no member has begun a step.
    #[inline(always)]
    unsafe fn begin(&self, width: usize) {
        let Pass { s, tile, lengths, initial, space, y, .. } = self.pass;
        let states = [&space.h[0], &space.c];
        for (row, b) in tile.rows.clone().enumerate() {
            for (vector, state) in states.into_iter().enumerate() {
                // SAFETY: the space is this tile's, whose other members touch no state before their first
                // step; the slice is gone when the next one is asked for.
                let state = unsafe { state.range(row * width..(row + 1) * width) };
                state.fill(0.0);
                if let Some(initial) = initial.filter(|_| vector < s.cell.states()) {
                    let from = &initial[s.state_at(tile.m, vector, tile.dir, b)..][..s.hidden];
                    state[..s.hidden].copy_from_slice(from);
                }
            }
            if !E::IS_STATE {
                let own = row * width..(row + 1) * width;
                // SAFETY: as of the states, whose slices are gone; these three are of different buffers.
                let (h, before, after) = unsafe {
                    let [before, after] = &space.operands;
                    (space.h[0].range(own.clone()), before.range(own.clone()), after.range(own))
                };
                for (operand, &h) in before.iter_mut().zip(&*h) {
                    *operand = E::round(h);
                }
                // Behind the last unit operands stay 0: a pair may reach there.
                after.fill(E::round(0.0));
            }
            if lengths[row] == 0 {
                // SAFETY: no member has begun a step, and the slices of the loop above are gone: nobody
                // writes a state.
                unsafe { self.finish(row, &space.h[0], width) };
            }
            for t in lengths[row] as usize..s.steps {
                let at = s.y_at(tile.m, tile.dir, t, b);
                // SAFETY: these numbers of `y` are of one model, direction, step and row, and so of this tile
                // alone; none of its other members has begun a step.
                unsafe { y.range(at..at + s.hidden) }.fill(0.0);
            }
        }
    }

    /// The places for the output of row `row` in this step, and for its saved values.
    #[inline(always)]
    fn outputs<S: Simd>(&self, row: usize, step: usize) -> (*mut f32, *mut E::Number) {
        let Pass { s, tile, lengths, y, reserve, .. } = self.pass;
        let (m, dir, b) = (tile.m, tile.dir, tile.rows.start + row);
        let t = s.step(dir, step, lengths[row] as usize);
        let at = s.y_at(m, dir, t, b);
        let saved = reserve_row_len(s, S::LANES);
        let start = s.reserve_row(m, dir, t, b) * saved;
        let y = y.pointer(at..at + s.hidden);
        (y, reserve.map_or(std::ptr::null_mut(), |reserve| reserve.pointer(start..start + saved)))
    }

    /// Stores the final state of row `row` of the tile.
    ///
    /// # Safety
    /// The caller leads the team, and nobody writes row `row` of `h` and of the space's `c` meanwhile.
    #[inline(always)]
    unsafe fn finish(&self, row: usize, h: &Disjoint<f32>, width: usize) {
        let Pass { s, tile, last, space, .. } = self.pass;
        for (vector, state) in [h, &space.c].into_iter().enumerate().take(s.cell.states()) {
            let at = s.state_at(tile.m, vector, tile.dir, tile.rows.start + row);
            let state = state.pointer(row * width..row * width + s.hidden);
            // SAFETY: `pointer` checked that `hidden` numbers are at `state`, which nobody writes, says the
            // caller; `range` checks those of `last`, which is another buffer. They are of one model,
            // direction and row, and so of this tile alone, and of its members only the leader is here.
            unsafe { last.range(at..at + s.hidden).as_mut_ptr().copy_from_nonoverlapping(state, s.hidden) };
        }
    }

    /// `wx = W_ih x + bias` of every live row of several steps, one after the other.
    ///
    /// # Safety
    /// The processor has `S`'s instructions; the member has begun the team's step for the input parts of
    /// `steps`, and `wx` is the start of the space's `wx`.
    #[inline(always)]
    unsafe fn project<S: Simd>(&self, steps: Range<usize>, inputs: &mut Operands<E>, wx: *mut f32) {
        let Pass { s, tile, lengths, x, .. } = self.pass;
        inputs.clear();
        for step in steps {
            for (row, b) in tile.rows.clone().enumerate().filter(|&(row, _)| step < lengths[row] as usize) {
                let t = s.step(tile.dir, step, lengths[row] as usize);
                inputs.push(&x[s.x_at(tile.m, t, b)..][..s.input]);
            }
        }
        // SAFETY: the caller has `S`'s instructions, and each row is a slice of `s.input` numbers.
        let inputs = unsafe { inputs.along::<S>(s.input) };
        let width = s.hidden.next_multiple_of(S::LANES);
        assert!(inputs.len() * G * width <= self.pass.space.wx.len());
        for block in self.member.share(width / S::LANES) {
            for (first, rows) in groups(inputs.len(), block_rows::<S, E>(G)) {
                let wx = wx.wrapping_add((first * width + block * S::LANES) * G);
                // SAFETY: `first + R <= inputs.len()` and `block < width / LANES`: the rows end within
                // `inputs.len() * G * width` numbers, for which the assertion found room. Each input is the
                // words of `s.input` numbers, and of this block's units in `wx` only the member with the
                // block in its share reads or writes in this step.
                with_rows!(rows, block_rows::<S, E>(G), R => unsafe {
                    self.project_block::<S, R>(block, &inputs[first..], wx)
                });
            }
        }
    }

    /// # Safety
    /// The processor has `S`'s instructions; `block` is one of the blocks of units, and each of `inputs`,
    /// which are at least `R`, is the words of `s.input` numbers. At `wx`, and again after every `G * width`
    /// numbers, `R` times in all, are `G * LANES` numbers that nobody else reads or writes.
    #[inline(always)]
    unsafe fn project_block<S: Simd, const R: usize>(
        &self,
        block: usize,
        inputs: &[*const E::Number],
        wx: *mut f32,
    ) {
        let Pass { s, weights, .. } = self.pass;
        let width = s.hidden.next_multiple_of(S::LANES);
        // SAFETY: the biases are `(blocks, G, LANES)` and `input_block` checked `(D, G, LANES)`, both of the
        // layer's vectors, which `Layer::check` found to be `S`'s; `multiply` reads the words of `s.input`
        // numbers of each row. It is the caller who says that the rows of `wx` are there.
        unsafe {
            let mut bias = [S::splat(0.0); G];
            for g in 0..G {
                bias[g] = S::load(weights.bias[(block * G + g) * S::LANES..].as_ptr());
            }
            let rows = *inputs.first_chunk::<R>().expect("`R` rows");
            let sums = multiply::<S, E, R, G>(rows, s.input, weights.input_block::<E>(s, block), [bias; R]);
            for r in 0..R {
                for g in 0..G {
                    S::store(wx.add(r * G * width + g * S::LANES), sums[r][g]);
                }
            }
        }
    }

    /// One step of all live rows: the recurrent product and the cell.
    ///
    /// # Safety
    /// The processor has `S`'s instructions; the member has begun the step of `cells`, whose pointers are to
    /// rows of this tile, as long as [`Cells`] says. Nobody writes their `h`, `operand` and `wx` in this
    /// step.
    #[inline(always)]
    unsafe fn recur<S: Simd>(&self, cells: &[Cells<E>]) {
        for block in self.member.share(self.pass.s.hidden.div_ceil(S::LANES)) {
            for (first, rows) in groups(cells.len(), block_rows::<S, E>(G)) {
                // SAFETY: `first + R <= cells.len()`, and the caller vouches for the rows. Of their other
                // pointers the block's units are touched only by the member that has the block in its share.
                with_rows!(rows, block_rows::<S, E>(G), R => unsafe {
                    self.recur_block::<S, R>(block, &cells[first..])
                });
            }
        }
    }

    /// # Safety
    /// The processor has `S`'s instructions; `block` is one of the blocks of units. The pointers of `cells`,
    /// which are at least `R`, are to rows as long as [`Cells`] says; nobody writes `h`, `operand` and
    /// `wx`, and nobody else touches the block's units of `next_h`, `next_operand`, `c`, `y` and the reserve.
    #[inline(always)]
    unsafe fn recur_block<S: Simd, const R: usize>(&self, block: usize, cells: &[Cells<E>]) {
        let Pass { s, weights, .. } = self.pass;
        let at = block * S::LANES;
        let count = s.hidden - at;
        // SAFETY: `block` is below `width / LANES`, so that its units end within `width` numbers of `h`,
        // `next_h`, `next_operand` and `c`, its gates within `G * width` of `wx`, what it keeps within as
        // many blocks of the reserve; `y` is given no more than the `count` numbers that it has left. The
        // biases and `recurrent_block`, `(H, G, LANES)`, are of the same vectors, as `Layer::check` found;
        // `multiply` reads the words of `hidden <= width` numbers of each operand: `width` is whole words.
        unsafe {
            let mut sums = [[S::splat(0.0); G]; R];
            let mut rows = [std::ptr::null(); R];
            for r in 0..R {
                rows[r] = cells[r].operand;
                for g in 0..G {
                    sums[r][g] = S::load(match g < C::CELL.joint_gates() {
                        true => cells[r].wx.add((block * G + g) * S::LANES),
                        false => weights.recurrent_bias[(block * G + g) * S::LANES..].as_ptr(),
                    });
                }
            }
            let sums = multiply::<S, E, R, G>(rows, s.hidden, weights.recurrent_block::<E>(s, block), sums);
            for (r, sums) in sums.iter().enumerate() {
                let row = &cells[r];
                let mut c = S::load(row.c.add(at));
                let wx = row.wx.add(block * G * S::LANES);
                let (h, gates, saved) = C::forward::<S>(sums, wx, S::load(row.h.add(at)), &mut c);
                S::store(row.c.add(at), c);
                S::store(row.next_h.add(at), h);
                if !E::IS_STATE {
                    E::store_first::<S>(row.next_operand.add(at), h, count);
                }
                S::store_first(row.y.add(at), h, count);
                if !row.reserve.is_null() {
                    let reserve = row.reserve.add(block * (G + 1) * S::LANES);
                    for g in 0..G {
                        E::store::<S>(reserve.add(g * S::LANES), gates[g]);
                    }
                    E::store::<S>(reserve.add(G * S::LANES), saved);
                }
            }
        }
    }
}
