//! Every kernel there is.

use super::kernel::Kernel;
use super::{conv, dropout, gather, linear, loss, optimizer, pool, probe, rnn, roof};
use std::collections::HashSet;

/// Every kernel that an operation or a measurement of the device may ask for, each once.
pub fn every_kernel() -> Vec<Kernel> {
    let mut kernels = [
        rnn::kernels(),
        conv::kernels(),
        gather::kernels(),
        dropout::kernels(),
        pool::kernels(),
        linear::kernels(),
        loss::kernels(),
        optimizer::kernels(),
        roof::kernels(),
        probe::every_kernel(),
    ]
    .concat();
    let mut seen = HashSet::new();
    kernels.retain(|kernel| seen.insert(kernel.clone()));
    kernels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_listed_once_and_has_a_text() {
        let kernels = every_kernel();
        let solo = kernels.iter().filter(|kernel| kernel.is_solo()).count();
        // Forward and backward of two cells, at 4 widths in tf32 and 8 in bf16.
        assert_eq!(solo, 2 * 2 * (4 + 8));
        let names: std::collections::HashSet<String> = kernels.iter().map(Kernel::name).collect();
        assert_eq!(names.len(), kernels.len());
    }
}
