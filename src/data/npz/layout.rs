//! The order of the axes of windows.

use serde::{Deserialize, Serialize};

/// The order of the axes of windows: N windows, T time steps, C channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Windows, time steps, channels, as recurrent networks read them.
    #[default]
    Ntc,
    /// Windows, channels, time steps, as MNE, braindecode and most PyTorch code save them.
    Nct,
}

impl Layout {
    /// The other order.
    pub fn other(self) -> Layout {
        match self {
            Layout::Ntc => Layout::Nct,
            Layout::Nct => Layout::Ntc,
        }
    }

    /// The name in configurations: `ntc`, `nct`.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Ntc => "ntc",
            Layout::Nct => "nct",
        }
    }

    /// The axes in words.
    pub fn axes(self) -> &'static str {
        match self {
            Layout::Ntc => "(N, T, C)",
            Layout::Nct => "(N, C, T)",
        }
    }

    /// The axes in the order (N, T, C); `axes` are in this layout's order. Its own inverse.
    pub fn ntc<T>(self, [n, second, third]: [T; 3]) -> [T; 3] {
        match self {
            Layout::Ntc => [n, second, third],
            Layout::Nct => [n, third, second],
        }
    }
}

/// The longest time axis that may in truth be one of channels.
const MOST_CHANNELS: usize = 256;
/// So many times more channels than time steps look exchanged.
const SUSPICIOUS: usize = 2;

/// Whether windows of so many time steps and channels look as if the two were exchanged: no more steps than
/// recordings have channels, and at least twice as many channels as steps.
pub fn looks_exchanged(steps: usize, channels: usize) -> bool {
    (2..=MOST_CHANNELS).contains(&steps) && channels >= SUSPICIOUS * steps
}
