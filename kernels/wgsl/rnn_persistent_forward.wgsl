// The forward time loop of a layer whose recurrent weights fit into registers: all steps in one dispatch,
// W_hh read once.
//
// A workgroup takes ROWS rows of the batch. In the GEMM an invocation is one unit, all gates, of all these
// rows, for one of PARTS parts of the depth, and holds its weights; in the cell it is one unit of one row, if
// there are so many rows.
// A hidden state is read by an address that differs between the lanes of a subgroup: where it does not, one
// compiler moves each number to a scalar register first. Sums change hands as whole vectors, but for those of
// an invocation's own row, which stay.
//
//     w[k] = W_hh[unit][k] for k in my part              registers, once
//     for each time step:
//         load gates[next step]
//         sums[r] = w . h[r][my part]  for ROWS rows     one unit of all rows
//         barrier                                        sums of all parts are complete
//         h, c = cell(gates[step] + sums, c)             one unit of one row
//         gates[step] = the gates;  y[step] = h
//         barrier                                        h of all units is complete

@group(0) @binding(1) var<storage, read> pack: array<Weights>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> cells: array<f32>;

// Part, row, unit. Scalars: storing one component of a vector in workgroup memory may touch the others.
var<workgroup> hidden: array<array<array<f32, DEPTH>, ROWS>, PARTS>;
// Row, how many parts before the row's own (1 to 3), unit.
var<workgroup> product: array<array<array<Gates, UNITS>, 3>, ROWS>;

@compute @workgroup_size(PARTS * UNITS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let dir = p.dir + wg.z % p.dir_count;
    let m = wg.z / p.dir_count;
    // The part of the GEMM, the row of the cell.
    let part = li / UNITS;
    let unit = li % UNITS;

    let weights = pack_at(m, dir) + p.padded_input * UNITS + unit;
    // Past the last unit there is no weight.
    //# for k in 0..DEPTH
    let row_$k = part * DEPTH + $ku;
    let w$k = hold(select(Weights(), pack[weights + row_$k * UNITS], row_$k < UNITS));
    //# end

    let own = min(part, ROWS - 1u);
    let row = (wg.x + wg.y * groups.x) * ROWS + own;
    let exists = part < ROWS && row < p.batch;
    let b = min(row, p.batch - 1u);
    let length = select(0u, length_of(m, b), exists);
    let h_at = state_at(m, 0u, dir, b) + unit;
    let c_at = state_at(m, p.states - 1u, dir, b) + unit;
    var s = State(state[h_at], state[c_at]);
    // Where the unit is among the hidden states.
    let to_part = unit / DEPTH;
    let to_place = unit % DEPTH;
    if (part < ROWS) {
        hidden[to_part][own][to_place] = s.h;
        // The end of the last part.
        for (var u = UNITS + unit; u < PARTS * DEPTH; u += UNITS) {
            hidden[u / DEPTH][own][u % DEPTH] = 0.0;
        }
    }

    let steps = dispatch_steps(dir);
    let count = steps.y - steps.x;
    var t = select(steps.x, steps.y - 1u, dir == 1u);
    let next_t = select(1u, 0xffffffffu, dir == 1u);
    // Rows of all steps are evenly apart.
    let next = next_t * p.batch * p.dirs * UNITS;
    var here = at(m, t, b, dir) + unit;
    var gate = gates_at(m, t, b, dir) + unit;
    var next_input = gates[gate];
    // Rows in the order that begins with the own one, and how many parts the own is before that of the row: a
    // constant if there are as many rows as parts.
    //# for r in 0..ROWS
    let row$r = (part + $ru) % ROWS;
    let before$r = select((row$r + PARTS - part) % PARTS, $ru, ROWS == PARTS);
    //# end
    workgroupBarrier();
    for (var i = 0u; i < count; i++) {
        let live = t < length;
        let input = from_saved(next_input);
        // Asked for a step ahead: the step hides the latency of memory. Not only if the next step is live:
        // where a load may not happen, a compiler waits for it at once, to keep the numbers.
        next_input = gates[gate + select(0u, next, i + 1u < count)];
        //# for r in 0..ROWS
        var a$r = Gates();
        //# end
        //# for k in 0..DEPTH
        {
            let w = real_weights(held(w$k));
            //# for r in 0..ROWS
            a$r = fma(w, Gates(hidden[part][row$r][$k]), a$r);
            //# end
        }
        //# end
        if (ROWS < PARTS && part >= ROWS) {
            product[row0][before0 - 1u][unit] = a0;
        }
        //# for r in 1..ROWS
        product[row$r][before$r - 1u][unit] = a$r;
        //# end
        workgroupBarrier();
        if (live) {
            // In the same order of parts for every row: a row's bits do not depend on its place.
            var sums = product[own][0][unit];
            if (PARTS == 4u) {
                // Parts 0 and 2, parts 1 and 3; the sum of two is the same in either order.
                sums += product[own][2][unit];
                sums += a0 + product[own][1][unit];
            } else {
                let one_before = sums;
                let two_before = product[own][1][unit];
                let part_0 = select(select(a0, one_before, part == 1u), two_before, part == 2u);
                let part_1 = select(select(two_before, a0, part == 1u), one_before, part == 2u);
                let part_2 = select(select(one_before, two_before, part == 1u), a0, part == 2u);
                sums = (part_0 + part_1) + part_2;
            }
            let step = cell_forward(input, sums, s);
            s = step.state;
            hidden[to_part][own][to_place] = s.h;
            y[here] = s.h;
            if (SAVE == 1u) {
                gates[gate] = to_gates(step.saved);
                if (p.states == 2u) {
                    cells[here] = s.c;
                }
            }
        } else if (exists) {
            y[here] = 0.0;
        }
        t += next_t;
        here += next;
        gate += next;
        workgroupBarrier();
    }
    if (exists) {
        state[h_at] = s.h;
        if (p.states == 2u) {
            state[c_at] = s.c;
        }
    }
}
