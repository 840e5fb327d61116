//! The settings that shape a network: a hash of them tells whether weights belong to a configuration.

use super::data::DataConfig;
use super::permutation::PermutationConfig;
use super::run::RunConfig;
use super::sections::Config;

impl Config {
    /// A blake3 hash, in hexadecimal, of the settings that shape a trained network. Where the recordings lie,
    /// where the split was read from, the device, the run folder and a permutation test do not.
    pub fn shape(&self) -> String {
        let mut shaping = self.clone();
        let DataConfig { path, test_file, .. } = DataConfig::default();
        (shaping.data.path, shaping.data.test_file) = (path, test_file);
        shaping.split.split_file = None;
        shaping.run = RunConfig::default();
        shaping.permutation = PermutationConfig::default();
        blake3::hash(shaping.to_toml().as_bytes()).to_hex().to_string()
    }
}
