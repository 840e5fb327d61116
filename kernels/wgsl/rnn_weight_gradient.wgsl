// Partial sums of the gradients by all weights of the layer: partial[split, m, dir, c, u] is the sum of the
// deltas of unit u times element c of (x, the hidden state before, 1), over the split's share of the rows of
// all time steps.
//
// A workgroup takes COLUMNS of those elements and UNITS units, four deltas each; an invocation eight
// elements, in two fours, and two units, TX apart. Both operands are staged DEPTH rows at a time, and the
// next ones are loaded meanwhile. The elements are counted in fours: those of x, then those of the hidden
// state, each padded to a whole four. The sums of the deltas alone, the last column, are made of what the
// first workgroup stages.
//
//     for each piece of DEPTH rows of the share:
//         barrier; stage inputs[DEPTH][COLUMNS] and deltas[DEPTH][UNITS]; barrier
//         load the next piece
//         for row in the piece: for my c and units: sums[c][unit] += deltas[row][unit] * inputs[row][c]
//     partial[split] = sums

@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> gates: array<Saved>;           // deltas
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> y: array<f32>;
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4<f32>>;

const TX = UNITS / 2u;
const TY = COLUMNS / 8u;
const LANES = TX * TY;

var<workgroup> left: array<array<array<vec4<f32>, TY>, 2>, DEPTH>;      // row, four / TY, four % TY
var<workgroup> right: array<array<array<vec4<f32>, TX>, 2>, DEPTH>;     // row, unit / TX, unit % TX

// The first element of a four: its place and whether it is one of x (0), of the hidden state (1) or none (2).
fn place_of(four: u32) -> vec2<u32> {
    let of_x = (p.input + 3u) / 4u;
    if (four < of_x) {
        return vec2<u32>(4u * four, 0u);
    }
    let k = 4u * (four - of_x);
    return vec2<u32>(k, select(2u, 1u, k < p.hidden));
}

// Four elements of row `b` at time step `t`, as if it were neither the first of the row nor past its length:
// what depends on that, and on the end of the elements, is done later, by `incoming`. Here it would wait for
// what is loaded.
fn four_from(m: u32, dir: u32, t: u32, b: u32, place: vec2<u32>) -> vec4<f32> {
    if (place.y == 0u) {
        let i = x_at(m, t, b) + place.x;
        return vec4<f32>(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
    }
    let i = at(m, step_before(dir, t), b, dir) + place.x;
    return vec4<f32>(y[i], y[i + 1u], y[i + 2u], y[i + 3u]);
}

// The four elements of a row of `length` steps: 0 past its length, where x may hold anything.
fn incoming(four: vec4<f32>, length: u32, m: u32, dir: u32, t: u32, b: u32, place: vec2<u32>) -> vec4<f32> {
    var numbers = four;
    if (place.y == 1u && is_start(dir, t, length)) {
        numbers = vec4<f32>();
        if (p.has_initial == 1u) {
            let i = state_at(m, 0u, dir, b) + place.x;
            numbers = vec4<f32>(initial[i], initial[i + 1u], initial[i + 2u], initial[i + 3u]);
        }
    }
    let elements = select(p.input, p.hidden, place.y == 1u);
    let end = select(0u, elements, t < length && place.y != 2u);
    let k = place.x;
    return select(vec4<f32>(), numbers, vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(end));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
    let unit_tiles = (p.hidden + UNITS - 1u) / UNITS;
    let dir = (wg.z / unit_tiles) % p.dirs;
    let m = wg.z / (unit_tiles * p.dirs);
    let first_unit = (wg.z % unit_tiles) * UNITS;
    let split = wg.y;
    let first_four = wg.x * (COLUMNS / 4u);
    let tx = li % TX;
    let ty = li / TX;

    let rows = (p.to_0 - p.from_0) * p.batch;
    let share = (rows + p.splits - 1u) / p.splits;
    let start = min(split * share, rows);
    let end = min(start + share, rows);
    let stride = p.dirs * p.hidden;
    let more_steps = DEPTH / p.batch;
    let more_rows = DEPTH % p.batch;

    //# for i in 0..LEFT
    let left_row$i = (li + $iu * LANES) / (COLUMNS / 4u);
    let four$i = (li + $iu * LANES) % (COLUMNS / 4u);
    let place$i = place_of(first_four + four$i);
    var t$i = p.from_0 + (start + left_row$i) / p.batch;
    var b$i = (start + left_row$i) % p.batch;
    var next_left$i = four_from(m, dir, t$i, b$i, place$i);
    var length$i = length_of(m, b$i);
    //# end
    let deltas = gates_at(m, p.from_0, 0u, dir);
    //# for i in 0..RIGHT
    let right_row$i = (li + $iu * LANES) / UNITS;
    let column$i = (li + $iu * LANES) % UNITS;
    var from$i = deltas + (start + right_row$i) * stride + min(first_unit + column$i, p.hidden - 1u);
    var next_right$i = gates[from$i];
    var alone$i = vec4<f32>();
    //# end

    let columns = p.input + p.hidden + 1u;
    let out = ((split * p.models + m) * p.dirs + dir) * columns * p.hidden + first_unit;
    //# for h in 0..2
    let own$h = place_of(first_four + $hu * TY + ty);
    let elements$h = select(p.input, p.hidden, own$h.y == 1u) * select(1u, 0u, own$h.y == 2u);
    let out$h = out + (own$h.x + select(0u, p.input, own$h.y == 1u)) * p.hidden + tx;
    //# for r in 0..4
    //# for j in 0..2
    let is_mine$h$r_$j = own$h.x + $ru < elements$h && first_unit + $ju * TX + tx < p.hidden;
    var a$h$r_$j = vec4<f32>();
    if (p.adds == 1u && is_mine$h$r_$j) {
        a$h$r_$j = partial[out$h + $ru * p.hidden + $ju * TX];
    }
    //# end
    //# end
    //# end
    for (var n0 = start; n0 < end; n0 += DEPTH) {
        workgroupBarrier();
        //# for i in 0..LEFT
        let is_row$i = n0 + left_row$i < end;
        left[left_row$i][four$i / TY][four$i % TY] =
            incoming(next_left$i, select(0u, length$i, is_row$i), m, dir, t$i, b$i, place$i);
        //# end
        //# for i in 0..RIGHT
        let delta$i = select(vec4<f32>(), from_deltas(next_right$i), n0 + right_row$i < end);
        right[right_row$i][column$i / TX][column$i % TX] = delta$i;
        alone$i += delta$i;
        //# end
        workgroupBarrier();
        //# for i in 0..LEFT
        t$i += more_steps;
        b$i += more_rows;
        if (b$i >= p.batch) {
            b$i -= p.batch;
            t$i += 1u;
        }
        next_left$i = four_from(m, dir, t$i, b$i, place$i);
        length$i = length_of(m, b$i);
        //# end
        //# for i in 0..RIGHT
        from$i += DEPTH * stride;
        next_right$i = gates[from$i];
        //# end
        //# for n in 0..DEPTH
        {
            let d0 = right[$n][0][tx];
            let d1 = right[$n][1][tx];
            //# for h in 0..2
            let v$h = left[$n][$h][ty];
            //# for r in 0..4
            a$h$r_0 = fma(d0, vec4<f32>(v$h[$r]), a$h$r_0);
            a$h$r_1 = fma(d1, vec4<f32>(v$h[$r]), a$h$r_1);
            //# end
            //# end
        }
        //# end
    }
    //# for h in 0..2
    //# for r in 0..4
    //# for j in 0..2
    if (is_mine$h$r_$j) {
        partial[out$h + $ru * p.hidden + $ju * TX] = a$h$r_$j;
    }
    //# end
    //# end
    //# end

    // The sums of the deltas alone: those of each row of the pieces, then over the rows.
    workgroupBarrier();
    //# for i in 0..RIGHT
    right[right_row$i][column$i / TX][column$i % TX] = alone$i;
    //# end
    workgroupBarrier();
    if (wg.x == 0u && li < UNITS && first_unit + li < p.hidden) {
        let last = out + (columns - 1u) * p.hidden + li;
        var sum = vec4<f32>();
        if (p.adds == 1u) {
            sum = partial[last];
        }
        //# for n in 0..DEPTH
        sum += right[$n][li / TX][li % TX];
        //# end
        partial[last] = sum;
    }
}
