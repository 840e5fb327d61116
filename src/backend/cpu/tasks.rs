//! Splitting the light work of a step among threads, where that pays.

use rayon::prelude::*;

/// Numbers that one thread reads and writes in the time that it takes to wake another one, a few
/// microseconds.
const WORTH_A_THREAD: usize = 1 << 15;

/// Runs `work` for every task `0..count`, each of about `numbers` numbers: here if all are few, else on all
/// threads.
pub fn for_each_task(count: usize, numbers: usize, work: impl Fn(usize) + Sync + Send) {
    match count * numbers < 2 * WORTH_A_THREAD {
        true => (0..count).for_each(work),
        false => {
            let least = WORTH_A_THREAD.div_ceil(numbers.max(1));
            (0..count).into_par_iter().with_min_len(least).for_each(work);
        }
    }
}
