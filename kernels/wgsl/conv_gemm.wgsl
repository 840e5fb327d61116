// The GEMM of a convolution block with its epilogue, forward and by the input: rows that are gathered while
// it runs, times packed weights. The kernel's own file defines the rows and uses their sums:
//
//     row_of(m, pair, half)      a row of the GEMM; in w where its sums go, or NONE
//     place_of(q)                element q of the depth: the tap's offset and its channel or filter
//     operand(row, place)        that element of the row
//     finish(row, row, column, sums, sums)
//                                uses four columns, from `column` on, WIDTH apart, of both halves of a pair
//
// A workgroup takes 32 pairs of rows and 4 * WIDTH columns, an invocation 4 pairs and 4 * VECTORS columns.
// Both operands are staged DEPTH elements at a time; neighboring invocations read neighboring elements.

const WIDTH = 8u * VECTORS;
// Vectors of four rows, and one more against bank conflicts.
const PITCH = 17u;

var<workgroup> rows: array<vec4<u32>, 64>;
var<workgroup> left: array<vec4<f32>, DEPTH * PITCH>;
var<workgroup> right: array<vec4<f32>, DEPTH * WIDTH>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let tiles = (p.columns + 4u * WIDTH - 1u) / (4u * WIDTH);
    let m = wg.z / tiles;
    let tile = wg.z % tiles;
    let panel = wg.z * (p.padded_depth + 1u) * WIDTH;
    let lane = li % 8u;
    let fours = li / 8u;

    // Rows in the order of the vectors they are staged in: four first halves, then their second halves.
    rows[li] = row_of(m, (wg.x + wg.y * groups.x) * 32u + li / 8u * 4u + li % 4u, li / 4u % 2u);
    //# for v in 0..VECTORS
    let start$v = pack[panel + p.padded_depth * WIDTH + lane + 8u * $vu];
    //# for i in 0..4
    var a$v_$i = start$v;
    var b$v_$i = start$v;
    //# end
    //# end
    for (var q0 = 0u; q0 < p.padded_depth; q0 += DEPTH) {
        workgroupBarrier();
        let q = q0 + li % DEPTH;
        let place = place_of(q);
        for (var i = li / DEPTH; i < 16u; i += 64u / DEPTH) {
            var numbers = vec4<f32>();
            if (q < p.depth) {
                //# for r in 0..4
                numbers[$r] = operand(rows[4u * i + $ru], place);
                //# end
            }
            left[li % DEPTH * PITCH + i] = numbers;
        }
        for (var i = li; i < DEPTH * WIDTH; i += 64u) {
            right[i] = pack[panel + q0 * WIDTH + i];
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let first = left[k * PITCH + 2u * fours];
            let second = left[k * PITCH + 2u * fours + 1u];
            //# for v in 0..VECTORS
            let w$v = right[k * WIDTH + lane + 8u * $vu];
            //# for i in 0..4
            a$v_$i = fma(w$v, vec4<f32>(first[$i]), a$v_$i);
            b$v_$i = fma(w$v, vec4<f32>(second[$i]), b$v_$i);
            //# end
            //# end
        }
    }
    //# for v in 0..VECTORS
    let column$v = tile * 4u * WIDTH + lane + 8u * $vu;
    //# for i in 0..4
    finish(rows[8u * fours + $iu], rows[8u * fours + 4u + $iu], column$v, a$v_$i, b$v_$i);
    //# end
    //# end
}
