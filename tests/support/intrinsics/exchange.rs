//! Exchange between threads: shared memory, copies into it, registers; and the clock.

use super::expected::{Expected, judged};
use super::inputs::random_words;
use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::Intrinsic;

pub(super) fn shared_and_barrier<E: Executor>(executor: &E) -> Vec<String> {
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

pub(super) fn copies<E: Executor>(executor: &E) -> Vec<String> {
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

pub(super) fn shuffles<E: Executor>(executor: &E) -> Vec<String> {
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

/// Each lane gets what the neighbor of the same lane in the other block read.
pub(super) fn copies_to_a_block<E: Executor>(executor: &E) -> Vec<String> {
    let x: Vec<u32> = random_words(6 * 32 * 4).collect();
    let y = Intrinsic::CopyToBlock.run_in_a_warp(executor, &x).unwrap();
    let mut wrong = Vec::new();
    for (at, &found) in y.iter().enumerate() {
        let (n, lane, word) = (at / 128, at / 4 % 32, at % 4);
        let expected = x[((n ^ 1) * 32 + (lane ^ 1)) * 4 + word];
        wrong.extend(judged(
            lane,
            &format!("word {word} of the other block"),
            Expected::Bits(expected),
            found,
        ));
    }
    wrong
}

pub(super) fn clock<E: Executor>(executor: &E) -> Vec<String> {
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
