//! Runs every intrinsic of `kernels/cuda/intrinsics.cu`, and the other operations whose exact bits the
//! kernels rely on, in one warp. The expected results follow the PTX ISA and are computed here independently.
//! `cuda::intrinsics` asks the host, `nvidia::intrinsics` asks GPUs.

use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::Intrinsic;

/// Panics with a list of all wrong results: lane, operands, expected and found value.
pub fn assert_as_documented<E: Executor>(executor: &E, intrinsic: Intrinsic) {
    let mut wrong = match intrinsic {
        Intrinsic::RoundTf32 => {
            unary(executor, intrinsic, &rounded_inputs(10), |x| rounded(x, 10, f64::round))
        }
        Intrinsic::RoundBf16 => unary(executor, intrinsic, &rounded_inputs(7), rounded_to_bf16),
        Intrinsic::RoundBf16Pair => bf16_pairs(executor),
        Intrinsic::TanhApproximate => unary(executor, intrinsic, &function_inputs(), tanh),
        Intrinsic::Exp2Approximate => unary(executor, intrinsic, &function_inputs(), exp2),
        Intrinsic::ReciprocalApproximate => unary(executor, intrinsic, &function_inputs(), reciprocal),
        Intrinsic::MmaBf16 => mmas(executor, intrinsic, Fragments { depth: 16, per_word: 2 }),
        Intrinsic::MmaTf32 => mmas(executor, intrinsic, Fragments { depth: 8, per_word: 1 }),
        Intrinsic::LoadMatrices => matrices(executor, intrinsic),
        Intrinsic::LoadMatricesTransposed => matrices(executor, intrinsic),
        Intrinsic::SharedAndBarrier => shared_and_barrier(executor),
        Intrinsic::Clock => clock(executor),
        Intrinsic::MultiplyHigh => multiply_high(executor),
        Intrinsic::FusedMultiplyAdd => multiply_add(executor, intrinsic, |[x, y, z]| x.mul_add(y, z)),
        Intrinsic::MultiplyThenAdd => multiply_add(executor, intrinsic, |[x, y, z]| x * y + z),
        Intrinsic::Divide => divide(executor),
        Intrinsic::Copy => copies(executor),
        Intrinsic::ShuffleXor => shuffles(executor),
    };
    let count = wrong.len();
    wrong.truncate(12);
    let device = executor.describe();
    assert!(
        count == 0,
        "{device}: {count} results of {intrinsic:?} are not as documented:\n{}",
        wrong.join("\n")
    );
}

/// The results that are allowed.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Bits(u32),
    Nan(Format),
    /// Within `error` of `value`, or one of two other values.
    Near {
        value: f64,
        error: f64,
        or: [f32; 2],
    },
}

/// The format in which a result must be NaN.
#[derive(Clone, Copy, Debug)]
enum Format {
    /// The 19 bits of a tf32 operand.
    Tf32,
    /// NaN in those bits, or infinite.
    Tf32OrInfinite,
    Bf16,
    F32,
}

impl Expected {
    fn near(value: f64, error: f64) -> Self {
        // NaN equals no value, so no other value is allowed.
        Expected::Near { value, error, or: [f32::NAN; 2] }
    }

    fn holds(&self, found: u32) -> bool {
        match *self {
            Expected::Bits(bits) => found == bits,
            Expected::Nan(Format::Tf32) => f32::from_bits(found & 0xffff_e000).is_nan(),
            Expected::Nan(Format::Tf32OrInfinite) => !f32::from_bits(found & 0xffff_e000).is_finite(),
            Expected::Nan(Format::Bf16) => found <= 0xffff && f32::from_bits(found << 16).is_nan(),
            Expected::Nan(Format::F32) => f32::from_bits(found).is_nan(),
            Expected::Near { value, error, or } => {
                let number = f32::from_bits(found);
                (f64::from(number) - value).abs() <= error || or.contains(&number)
            }
        }
    }
}

fn shown(bits: u32) -> String {
    format!("{bits:#010x} ({:e})", f32::from_bits(bits))
}

/// A line of the message if the result is wrong.
fn judged(lane: usize, of: &str, expected: Expected, found: u32) -> Option<String> {
    let expected_text = match expected {
        Expected::Bits(bits) => shown(bits),
        Expected::Nan(format) => format!("a NaN of {format:?}"),
        Expected::Near { value, error, .. } => format!("{value:e} +- {error:e}"),
    };
    (!expected.holds(found))
        .then(|| format!("  lane {lane}, of {of}: expected {expected_text}, found {}", shown(found)))
}

/// Runs an intrinsic of one operand; the inputs are padded to whole warps.
fn unary<E: Executor>(
    executor: &E,
    intrinsic: Intrinsic,
    inputs: &[u32],
    expected: impl Fn(f32) -> Expected,
) -> Vec<String> {
    let mut x = inputs.to_vec();
    x.resize(inputs.len().next_multiple_of(32), 0);
    let y = intrinsic.run_in_a_warp(executor, &x).unwrap();
    let judge = |i: usize| judged(i % 32, &shown(x[i]), expected(f32::from_bits(x[i])), y[i]);
    (0..x.len()).filter_map(judge).collect()
}

/// Pseudo-random `u32`s, the same in every run (xorshift).
fn random_words(count: usize) -> impl Iterator<Item = u32> {
    let mut state = 0x9e37_79b9u32;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    })
}

const SPECIAL: [u32; 24] = [
    0x0000_0000, // 0
    0x0000_0001, // the least subnormal number
    0x0000_0fff,
    0x0000_1000, // half of the least subnormal number of tf32
    0x0000_8000, // half of the least subnormal number of bf16
    0x0040_0000,
    0x007f_ffff, // the largest subnormal number, which rounds to a normal one
    0x0080_0000, // the least normal number
    0x3f80_0000, // 1
    0x3f80_0001,
    0x4000_0000,
    0x4b80_0000, // 2^24
    0x7e80_0000, // 2^126, of which the reciprocal is normal
    0x7f00_0000, // 2^127, of which the reciprocal is subnormal
    0x7f7f_0000,
    0x7f7f_7fff, // the largest that bf16 does not round to infinity
    0x7f7f_8000,
    0x7f7f_efff, // the largest that tf32 does not
    0x7f7f_f000,
    0x7f7f_ffff, // the largest finite number
    0x7f80_0000, // infinity
    0x7f80_0001, // NaN with only the last bit set
    0x7fc0_0000, // NaN
    0x7fff_ffff,
];

fn of_both_signs(words: impl IntoIterator<Item = u32>) -> Vec<u32> {
    words.into_iter().flat_map(|word| [word, word ^ 0x8000_0000]).collect()
}

/// Inputs of a rounding to `mantissa` bits: ties at odd and even values, their neighbors, special values,
/// random values.
fn rounded_inputs(mantissa: u32) -> Vec<u32> {
    let dropped = 23 - mantissa;
    let half = 1 << (dropped - 1);
    let around = |number: u32| [number - 1, number, number + 1];
    let ties = (0..4u32).flat_map(|n| {
        [0x3f80_0000u32, 0x4480_0000, 0x0000_0000, 0x0080_0000]
            .into_iter()
            .flat_map(move |exponent| around(exponent + (n << dropped) + half))
    });
    of_both_signs(ties.chain(SPECIAL).chain(random_words(2000)))
}

/// Rounds to `mantissa` explicit bits, by arithmetic in f64. `to_integer` decides ties.
fn rounded(x: f32, mantissa: i32, to_integer: impl Fn(f64) -> f64) -> Expected {
    if x.is_nan() {
        // The last 13 bits are cut off. A NaN with only those bits set may become infinite; the PTX ISA
        // leaves this open.
        let stays_nan = f32::from_bits(x.to_bits() & 0xffff_e000).is_nan();
        return Expected::Nan(if stays_nan { Format::Tf32 } else { Format::Tf32OrInfinite });
    }
    if x.is_infinite() || x == 0.0 {
        return Expected::Bits(x.to_bits());
    }
    let magnitude = f64::from(x).abs();
    // Subnormal numbers have the spacing of the smallest normal numbers.
    let exponent = (magnitude.log2().floor() as i32).max(-126);
    let exponent = if 2f64.powi(exponent) > magnitude && exponent > -126 { exponent - 1 } else { exponent };
    let quantum = 2f64.powi(exponent - mantissa);
    // A result that is too large for f32 becomes infinite.
    let result = (to_integer(magnitude / quantum) * quantum) as f32;
    Expected::Bits(result.copysign(x).to_bits())
}

/// Rounds to bf16, in the low half of a `u32`.
fn rounded_to_bf16(x: f32) -> Expected {
    match rounded(x, 7, f64::round_ties_even) {
        Expected::Bits(bits) => Expected::Bits(bits >> 16),
        Expected::Nan(_) => Expected::Nan(Format::Bf16),
        near => near,
    }
}

/// Rounds each input together with the one before it.
fn bf16_pairs<E: Executor>(executor: &E) -> Vec<String> {
    let mut inputs = rounded_inputs(7);
    inputs.resize(inputs.len().next_multiple_of(32), 0);
    let before = |n: usize| inputs[(n + inputs.len() - 1) % inputs.len()];
    let x: Vec<u32> = (0..inputs.len()).flat_map(|n| [inputs[n], before(n)]).collect();
    let y = Intrinsic::RoundBf16Pair.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, &pair) in y.iter().enumerate() {
        for (half, input, found) in [("low", inputs[n], pair & 0xffff), ("high", before(n), pair >> 16)] {
            let of = format!("the {half} half, of {input:#x}");
            wrong.extend(judged(n % 32, &of, rounded_to_bf16(f32::from_bits(input)), found));
        }
    }
    wrong
}

/// Inputs at which functions saturate, overflow and underflow, special values, and random values.
fn function_inputs() -> Vec<u32> {
    let numbers = [
        0.25f32, 0.5, 0.75, 1.5, 2.0, 3.0, 4.0, 8.0, 9.0, 10.0, 20.0, 88.0, 100.0, 125.5, 126.0, 126.5,
        127.0, 127.5, 127.99999, 128.0, 129.0, 148.0, 148.9, 149.0, 150.5, 151.0, 200.0, 1e-3, 1e-6, 1e-20,
        1e10,
    ];
    let of_range = random_words(4000).map(|word| ((word >> 8) as f32 / (1 << 24) as f32 * 20.0).to_bits());
    of_both_signs(
        numbers.map(f32::to_bits).into_iter().chain(SPECIAL).chain(of_range).chain(random_words(1000)),
    )
}

/// The rounding errors of the host half in addition to the instruction's own error: of the exact value, and
/// of the sum.
const ROUNDING: f64 = 2.0 / (1 << 24) as f64;

/// tanh.approx.f32: exact for infinities, zeros and subnormal numbers; elsewhere a relative error of at most
/// 2^-10.987.
fn tanh(x: f32) -> Expected {
    if x.is_nan() {
        Expected::Nan(Format::F32)
    } else if x.is_infinite() {
        Expected::Bits(1f32.copysign(x).to_bits())
    } else if x == 0.0 || x.is_subnormal() {
        Expected::Bits(x.to_bits())
    } else {
        let value = f64::from(x).tanh();
        Expected::near(value, (2f64.powf(-10.987) + ROUNDING) * value.abs())
    }
}

/// ex2.approx.ftz.f32: 1 for zeros and subnormal numbers; relative error 2^-22; subnormal results are 0.
fn exp2(x: f32) -> Expected {
    if x.is_nan() {
        Expected::Nan(Format::F32)
    } else if x.is_infinite() {
        Expected::Bits(if x > 0.0 { f32::INFINITY.to_bits() } else { 0 })
    } else if x == 0.0 || x.is_subnormal() {
        Expected::Bits(1f32.to_bits())
    } else {
        let value = f64::from(x).exp2();
        // A value within the error of the largest number may become infinite; a larger one must. Likewise at
        // the least normal number for 0.
        let (infinite, zero) = (x > 127.999, x < -125.999);
        if value >= 2f64.powi(128) {
            return Expected::Bits(f32::INFINITY.to_bits());
        }
        if x < -126.001 {
            return Expected::Bits(0);
        }
        let error = (2f64.powi(-22) + ROUNDING) * value;
        let or = [if infinite { f32::INFINITY } else { f32::NAN }, if zero { 0.0 } else { f32::NAN }];
        Expected::Near { value, error, or }
    }
}

/// rcp.approx.ftz.f32: exact for zeros and infinities; an error of 2^-23 for arguments in 1 to 2, which is
/// 2^-22 of the result. A subnormal argument or result counts as 0.
fn reciprocal(x: f32) -> Expected {
    if x.is_nan() {
        return Expected::Nan(Format::F32);
    }
    if x == 0.0 || x.is_infinite() {
        return Expected::Bits((1.0 / x).to_bits());
    }
    let value = 1.0 / f64::from(x);
    let least = f64::from(f32::MIN_POSITIVE);
    if x.is_subnormal() {
        return Expected::Bits(f32::INFINITY.copysign(x).to_bits());
    }
    if value.abs() < least * (1.0 - 1e-6) {
        return Expected::Bits(0f32.copysign(x).to_bits());
    }
    // A result within the error of the least normal number may become 0.
    let zero = if value.abs() < least * (1.0 + 1e-6) { 0f32.copysign(x) } else { f32::NAN };
    Expected::Near { value, error: (2f64.powi(-22) + ROUNDING) * value.abs(), or: [zero; 2] }
}

/// The layout of A (16, depth) and B (depth, 8) in the registers of a warp, with `per_word` neighbors in
/// depth in a register, by the figures of the PTX ISA ("Matrix Fragments for mma.m16n8k16" and
/// "mma.m16n8k8").
#[derive(Clone, Copy)]
struct Fragments {
    depth: usize,
    per_word: usize,
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
struct Mma {
    name: String,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

/// First mmas that distinguish every element from every other, then some that only wrong rounding can fail.
fn mmas<E: Executor>(executor: &E, intrinsic: Intrinsic, fragments: Fragments) -> Vec<String> {
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
fn matrices<E: Executor>(executor: &E, intrinsic: Intrinsic) -> Vec<String> {
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

fn shared_and_barrier<E: Executor>(executor: &E) -> Vec<String> {
    let x: Vec<u32> = random_words(4 * 32).collect();
    let y = Intrinsic::SharedAndBarrier.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, three) in y.chunks(3).enumerate() {
        let (warp, lane) = (n / 32 * 32, n % 32);
        let (next, before) = (x[warp + (lane + 1) % 32], x[warp + (lane + 31) % 32]);
        wrong.extend(judged(lane, "the next lane's value", Expected::Bits(next), three[0]));
        let twice = Expected::Bits(before.wrapping_mul(2));
        wrong.extend(judged(lane, "twice the previous lane's value", twice, three[1]));
        wrong.extend(judged(lane, "addresses of the arrays modulo 16", Expected::Bits(0), three[2]));
    }
    wrong
}

fn copies<E: Executor>(executor: &E) -> Vec<String> {
    let x: Vec<u32> = random_words(4 * 32 * 8).collect();
    let y = Intrinsic::Copy.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, (found, eight)) in y.chunks(13).zip(x.chunks(8)).enumerate() {
        let (copied, or_zero) = found.split_at(7);
        for (i, (&found, &word)) in copied.iter().zip(eight).enumerate() {
            wrong.extend(judged(n % 32, &format!("word {i}"), Expected::Bits(word), found));
        }
        for (i, (&found, &word)) in or_zero.iter().zip(eight).enumerate() {
            let expected = Expected::Bits(if n % 2 == 0 { word } else { 0 });
            wrong.extend(judged(n % 32, &format!("word {i}, if it exists"), expected, found));
        }
    }
    wrong
}

fn shuffles<E: Executor>(executor: &E) -> Vec<String> {
    let x: Vec<u32> = random_words(4 * 32).collect();
    let y = Intrinsic::ShuffleXor.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, five) in y.chunks(5).enumerate() {
        for (bit, &found) in five.iter().enumerate() {
            let of = format!("the lane whose number differs in bit {bit}");
            wrong.extend(judged(n % 32, &of, Expected::Bits(x[n ^ (1 << bit)]), found));
        }
    }
    wrong
}

fn clock<E: Executor>(executor: &E) -> Vec<String> {
    let x: Vec<u32> = random_words(4 * 32).collect();
    let y = Intrinsic::Clock.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (n, three) in y.chunks(3).enumerate() {
        let (warp, lane) = (n / 32 * 32, n % 32);
        wrong.extend(judged(lane, "whether the clock advanced", Expected::Bits(1), three[0]));
        wrong.extend(judged(lane, "whether it was below a million cycles", Expected::Bits(1), three[1]));
        wrong.extend(judged(
            lane,
            "the value in shared memory",
            Expected::Bits(x[warp + 31 - lane]),
            three[2],
        ));
    }
    wrong
}

/// Runs an intrinsic of N operands; the operands of a lane are contiguous.
fn nary<E: Executor, const N: usize>(
    executor: &E,
    intrinsic: Intrinsic,
    mut operands: Vec<[u32; N]>,
    expected: impl Fn([u32; N]) -> Expected,
) -> Vec<String> {
    operands.resize(operands.len().next_multiple_of(32), [0x3f80_0000; N]);
    let y = intrinsic.run_in_a_warp(executor, operands.as_flattened()).unwrap();
    let judge = |(i, &of): (usize, &[u32; N])| {
        let text = of.map(shown).join(" and ");
        judged(i % 32, &text, expected(of), y[i])
    };
    operands.iter().enumerate().filter_map(judge).collect()
}

fn multiply_high<E: Executor>(executor: &E) -> Vec<String> {
    let mut words = vec![0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xcd9e_8d57, 0xd251_1f53];
    words.extend(random_words(24));
    let pairs: Vec<[u32; 2]> = words.iter().flat_map(|&x| words.iter().map(move |&y| [x, y])).collect();
    nary(executor, Intrinsic::MultiplyHigh, pairs, |[x, y]| {
        Expected::Bits(((u64::from(x) * u64::from(y)) >> 32) as u32)
    })
}

/// Values of which some products are infinite, subnormal, or differ from their rounded values only in the
/// last bits.
fn factors() -> Vec<u32> {
    let mut words = of_both_signs(SPECIAL);
    words.extend([1.0f32 + f32::EPSILON, 1.0 - f32::EPSILON / 2.0, 1e-30, 3.0, 1e30].map(f32::to_bits));
    words.extend(random_words(11));
    words
}

fn of_f32(result: f32) -> Expected {
    if result.is_nan() { Expected::Nan(Format::F32) } else { Expected::Bits(result.to_bits()) }
}

fn multiply_add<E: Executor>(
    executor: &E,
    intrinsic: Intrinsic,
    expected: impl Fn([f32; 3]) -> f32,
) -> Vec<String> {
    let words = factors();
    let mut triples: Vec<[u32; 3]> = Vec::new();
    for &x in &words {
        for &y in &words {
            // Adding the negative of the rounded product shows whether the instruction rounds it.
            let product = -(f32::from_bits(x) * f32::from_bits(y));
            let z = words[(x ^ y) as usize % words.len()];
            triples.extend([[x, y, product.to_bits()], [x, y, z]]);
        }
    }
    nary(executor, intrinsic, triples, |of| of_f32(expected(of.map(f32::from_bits))))
}

fn divide<E: Executor>(executor: &E) -> Vec<String> {
    let words = factors();
    let pairs: Vec<[u32; 2]> = words.iter().flat_map(|&x| words.iter().map(move |&y| [x, y])).collect();
    nary(executor, Intrinsic::Divide, pairs, |[x, y]| of_f32(f32::from_bits(x) / f32::from_bits(y)))
}
