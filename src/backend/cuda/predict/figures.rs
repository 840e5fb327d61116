//! The figures of the kernels' machine code.

use super::super::kernel::Kernel;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::HashMap;

/// The figures of a kernel for sm_90, by `tools/sass-model`. The head of kernels/cuda/cycles.toml says what
/// each is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Figures {
    pub registers: usize,
    pub shared: usize,
    pub instructions: usize,
    pub mma: usize,
    pub ffma: usize,
    pub bytes: usize,
    pub cycles: Vec<f64>,
    pub dram_cycles: Vec<f64>,
    pub outside: Vec<f64>,
}

/// The figures of all kernels, by name.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Table(HashMap<String, Figures>);

impl Table {
    /// The file that is part of the program.
    pub fn embedded() -> Self {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/cuda/cycles.toml"));
        toml::from_str(text).expect("`tools/sass-model` writes the file")
    }

    /// The figures of a kernel.
    pub fn of(&self, kernel: &Kernel) -> Result<&Figures> {
        self.0.get(&kernel.name()).ok_or_else(|| {
            Error::backend(format!("{} has no row in kernels/cuda/cycles.toml", kernel.name()))
                .hint("`tools/sass-model` writes the file from the kernels' machine code, and needs no GPU")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::every_kernel;
    use super::*;
    use std::collections::HashSet;

    /// After a change of the kernels or their constants: tools/sass-model --write
    #[test]
    fn every_kernel_of_the_operations_has_a_row_and_no_other_has() {
        // The others measure the device.
        let is_of_operation =
            |kernel: &Kernel| !["peak_", "probe_"].iter().any(|m| kernel.entry.starts_with(m));
        let kernels: HashSet<String> =
            every_kernel().iter().filter(|k| is_of_operation(k)).map(Kernel::name).collect();
        let rows: HashSet<String> = Table::embedded().0.into_keys().collect();
        let [missing, stale] = [kernels.difference(&rows), rows.difference(&kernels)].map(Vec::from_iter);
        assert!(missing.is_empty() && stale.is_empty(), "no row: {missing:?}; no kernel: {stale:?}");
    }

    #[test]
    fn kernels_with_a_loop_have_its_cycles() {
        for (name, figures) in Table::embedded().0 {
            assert!(figures.registers > 0 && !figures.outside.is_empty(), "{name}");
            let lists = [figures.cycles.len(), figures.dram_cycles.len()];
            let expected = if figures.instructions > 0 { figures.outside.len() } else { 0 };
            assert_eq!(lists, [expected; 2], "{name}");
        }
    }
}
