//! How a GPU runs a recurrent layer's loop over time.

use std::fmt;

/// Where the recurrent weights are during the time loop, and what one launch covers. cuDNN calls the choice
/// `cudnnRNNAlgo_t`. By default a backend takes the first of these that the layer fits and that suits the
/// device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Algorithm {
    /// A persistent kernel (Diamos et al. 2016): one launch runs all time steps, and the weights stay in
    /// registers of one multiprocessor. CUDA: up to 64 units in tf32, 128 in bf16. WGSL: up to 80 units in
    /// fp32, 128 in f16.
    #[cfg_attr(feature = "cli", value(aliases = ["solo", "registers"]))]
    Persistent,
    /// The same with the weights in registers of four multiprocessors, a thread-block cluster. CUDA from
    /// sm_90 on: up to 128 units in tf32, 256 in bf16.
    Cluster,
    /// One launch runs all time steps, and each step reads the weights from memory. WGSL only, up to 256
    /// units; by default on software drivers.
    Streamed,
    /// Each time step is a launch of its own. Any number of units.
    PerStep,
}

impl Algorithm {
    /// In the order in which a backend prefers them.
    pub const ALL: [Algorithm; 4] =
        [Algorithm::Persistent, Algorithm::Cluster, Algorithm::Streamed, Algorithm::PerStep];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Persistent => "persistent",
            Algorithm::Cluster => "cluster",
            Algorithm::Streamed => "streamed",
            Algorithm::PerStep => "per-step",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
