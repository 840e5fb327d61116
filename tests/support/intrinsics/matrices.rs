//! Products of matrices, and loads of their fragments.

use super::expected::{Expected, Format, judged};
use super::inputs::random_words;
use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::Intrinsic;

/// The layout of A (16, depth) and B (depth, 8) in the registers of a warp, with `per_word` neighbors in
/// depth in a register, by the figures of the PTX ISA ("Matrix Fragments for mma.m16n8k16" and
/// "mma.m16n8k8").
#[derive(Clone, Copy)]
pub(super) struct Fragments {
    pub(super) depth: usize,
    pub(super) per_word: usize,
}

impl Fragments {
    /// The lane, the register, and the position in the register of an element of A. Groups of four lanes are
    /// rows, the lower eight rows are in odd registers, the second half of the depth in registers 2 and 3.
    fn a(&self, row: usize, k: usize) -> (usize, usize, usize) {
        let half = self.depth / 2;
        let lane = row % 8 * 4 + k % half / self.per_word;
        (lane, row / 8 + 2 * (k / half), k % self.per_word)
    }

    /// The same for an element of B. Groups of four lanes are columns, the second half of the depth is in
    /// register 1.
    fn b(&self, k: usize, column: usize) -> (usize, usize, usize) {
        let half = self.depth / 2;
        (column * 4 + k % half / self.per_word, k / half, k % self.per_word)
    }

    /// The lane and the register of an element of C and D.
    fn d(row: usize, column: usize) -> (usize, usize) {
        (row % 8 * 4 + column / 2, row / 8 * 2 + column % 2)
    }

    /// Stores a value in an operand register. The operand format can represent all values of these tests.
    fn store(&self, word: &mut u32, place: usize, value: f32) {
        let bits = value.to_bits();
        match self.per_word {
            1 => *word = bits,
            _ => *word = *word & !(0xffff << (16 * place)) | (bits >> 16) << (16 * place),
        }
    }
}

/// One mma: A (16, depth), B (depth, 8), C (16, 8), row-major.
pub(super) struct Mma {
    name: String,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

/// First mmas that distinguish every element from every other, then some that only wrong rounding can fail.
pub(super) fn mmas<E: Executor>(executor: &E, intrinsic: Intrinsic, fragments: Fragments) -> Vec<String> {
    let depth = fragments.depth;
    let (a_len, b_len) = (16 * depth, 8 * depth);
    // Integers up to 256 are exact in bf16.
    let numbered = |len: usize| -> Vec<f32> { (1..=len).map(|n| n as f32).collect() };
    let one_of =
        |len: usize, at: usize| -> Vec<f32> { (0..len).map(|i| f32::from(u8::from(i == at))).collect() };
    let none = |len: usize| vec![0.0; len];
    let mut mmas = Vec::new();
    for at in 0..a_len {
        let (row, k) = (at / depth, at % depth);
        mmas.push(Mma {
            name: format!("A only [{row}, {k}] = 1, B [k, n] = 8 k + n + 1"),
            a: one_of(a_len, at),
            b: numbered(b_len),
            c: none(128),
        });
    }
    for at in 0..b_len {
        let (k, column) = (at / 8, at % 8);
        mmas.push(Mma {
            name: format!("A [m, k] = {depth} m + k + 1, B only [{k}, {column}] = 1"),
            a: numbered(a_len),
            b: one_of(b_len, at),
            c: none(128),
        });
    }
    mmas.push(Mma {
        name: "A and B 0, C [m, n] = 8 m + n + 1".into(),
        a: none(a_len),
        b: none(b_len),
        c: numbered(128),
    });
    // Small integers, whose sums are exact in any order.
    let mut random = random_words(1 << 16);
    let mut integers = |len: usize| -> Vec<f32> {
        random.by_ref().take(len).map(|word| (word >> 8) as f32 % 17.0 - 8.0).collect()
    };
    for _ in 0..8 {
        mmas.push(Mma {
            name: "A, B and C small integers".into(),
            a: integers(a_len),
            b: integers(b_len),
            c: integers(128),
        });
    }
    // Infinities and NaN, in A and in C.
    for (special, name) in [(f32::INFINITY, "infinite"), (f32::NEG_INFINITY, "-infinite"), (f32::NAN, "NaN")]
    {
        let (mut a, b, mut c) = (integers(a_len), vec![1.0; b_len], integers(128));
        a[3 * depth + 1] = special;
        c[8 * 9 + 4] = special;
        mmas.push(Mma { name: format!("A [3, 1] and C [9, 4] {name}"), a, b, c });
    }
    // Powers of two far apart, for which sums of 24 bits are exact.
    let mut a = none(a_len);
    (0..16).for_each(|row| a[row * depth + row % depth] = 2f32.powi(row as i32 * 8 - 60));
    mmas.push(Mma {
        name: "A powers of two, B [k, n] = 8 k + n + 1".into(),
        a,
        b: numbered(b_len),
        c: none(128),
    });

    let mut x = vec![0u32; mmas.len() * 320];
    for (n, mma) in mmas.iter().enumerate() {
        let mut word = |(lane, register, place): (usize, usize, usize), value| {
            fragments.store(&mut x[n * 320 + 10 * lane + register], place, value);
        };
        for at in 0..a_len {
            word(fragments.a(at / depth, at % depth), mma.a[at]);
        }
        for at in 0..b_len {
            let (lane, register, place) = fragments.b(at / 8, at % 8);
            word((lane, 4 + register, place), mma.b[at]);
        }
        for at in 0..128 {
            let (lane, register) = Fragments::d(at / 8, at % 8);
            x[n * 320 + 10 * lane + 6 + register] = mma.c[at].to_bits();
        }
    }
    let y = intrinsic.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, mma) in mmas.iter().enumerate() {
        for at in 0..128 {
            let (row, column) = (at / 8, at % 8);
            let sum = (0..depth).fold(f64::from(mma.c[at]), |sum, k| {
                sum + f64::from(mma.a[row * depth + k]) * f64::from(mma.b[k * 8 + column])
            });
            let expected = match sum.is_nan() {
                true => Expected::Nan(Format::F32),
                // A zero may have either sign.
                false if sum == 0.0 => Expected::near(0.0, 0.0),
                false => Expected::Bits((sum as f32).to_bits()),
            };
            let (lane, register) = Fragments::d(row, column);
            let of = format!("d[{register}], which is D [{row}, {column}], {}", mma.name);
            wrong.extend(judged(lane, &of, expected, y[n * 128 + 4 * lane + register]));
        }
    }
    wrong
}

/// Loads the rows of shared memory in order and in another order.
pub(super) fn matrices<E: Executor>(executor: &E, intrinsic: Intrinsic) -> Vec<String> {
    let row_of = |order: usize, lane: usize| if order == 0 { lane } else { (lane * 7 + 3) % 32 };
    let element = |row: usize, i: usize| (1000 * row + 10 * i + 5) as u32;
    let two = |first: u32, second: u32| first | second << 16;
    let x: Vec<u32> = (0..2 * 32)
        .flat_map(|n| {
            let (order, lane) = (n / 32, n % 32);
            let words = (0..4).map(move |i| two(element(lane, 2 * i), element(lane, 2 * i + 1)));
            words.chain([row_of(order, lane) as u32])
        })
        .collect();
    let y = intrinsic.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, registers) in y.chunks(4).enumerate() {
        let (order, lane) = (n / 32, n % 32);
        let (g, q) = (lane / 4, lane % 4);
        for (matrix, &found) in registers.iter().enumerate() {
            let at = |row: usize, i: usize| element(row_of(order, 8 * matrix + row), i);
            let expected = match intrinsic {
                Intrinsic::LoadMatrices => two(at(g, 2 * q), at(g, 2 * q + 1)),
                _ => two(at(2 * q, g), at(2 * q + 1, g)),
            };
            let of = format!("matrix {matrix}, line {g}, elements {} and the next", 2 * q);
            wrong.extend(judged(lane, &of, Expected::Bits(expected), found));
        }
    }
    wrong
}
