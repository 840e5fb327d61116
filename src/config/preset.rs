//! The networks and the protocol of the original study, "Emotion recognition using multimodal physiological
//! signals" on DEAP.

use super::sections::Config;
use serde::{Deserialize, Serialize};

/// A network of the original study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Two convolution blocks, four LSTM layers
    #[cfg_attr(feature = "cli", value(alias = "seed-lstm"))]
    #[serde(alias = "seed-lstm")]
    StudyLstm,
    /// Two convolution blocks, two GRU layers
    #[cfg_attr(feature = "cli", value(alias = "seed-gru"))]
    #[serde(alias = "seed-gru")]
    StudyGru,
    /// Two convolution blocks, two bidirectional LSTM layers
    #[cfg_attr(feature = "cli", value(alias = "seed-bilstm"))]
    #[serde(alias = "seed-bilstm")]
    StudyBilstm,
    /// Two convolution blocks, a bidirectional LSTM layer, and an LSTM layer
    #[cfg_attr(feature = "cli", value(alias = "seed-bilstm-lstm"))]
    #[serde(alias = "seed-bilstm-lstm")]
    StudyBilstmLstm,
}

/// The results that the study reports for a network, per window, on its own random split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Published {
    /// Accuracy on the test part after the last epoch.
    pub accuracy: f64,
    /// Macro-averaged F1 score on the test part after the last epoch.
    pub macro_f1: f64,
    /// Accuracy on the validation part in the best epoch. For the LSTM this is the result that the study
    /// names.
    pub best_validation_accuracy: f64,
    /// Trainable parameters of the network.
    pub parameters: usize,
    /// Seconds per epoch on a hosted GPU.
    pub epoch_seconds: f64,
}

/// The settings that all networks share.
const PROTOCOL: &str = include_str!("presets/protocol.toml");

impl Preset {
    /// All presets.
    pub const ALL: [Preset; 4] =
        [Preset::StudyLstm, Preset::StudyGru, Preset::StudyBilstm, Preset::StudyBilstmLstm];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Preset::StudyLstm => "study-lstm",
            Preset::StudyGru => "study-gru",
            Preset::StudyBilstm => "study-bilstm",
            Preset::StudyBilstmLstm => "study-bilstm-lstm",
        }
    }

    /// The name in files of earlier versions.
    pub fn earlier_name(self) -> String {
        self.name().replacen("study", "seed", 1)
    }

    fn network(self) -> &'static str {
        match self {
            Preset::StudyLstm => include_str!("presets/study-lstm.toml"),
            Preset::StudyGru => include_str!("presets/study-gru.toml"),
            Preset::StudyBilstm => include_str!("presets/study-bilstm.toml"),
            Preset::StudyBilstmLstm => include_str!("presets/study-bilstm-lstm.toml"),
        }
    }

    /// The configuration of the network with the settings of the study's protocol.
    pub fn config(self) -> Config {
        let tables = [PROTOCOL, self.network()].map(|text| text.parse().expect("presets are TOML"));
        let [mut merged, network]: [toml::Table; 2] = tables;
        for (section, values) in network {
            let values = values.as_table().cloned().unwrap_or_default();
            let section = merged.entry(section).or_insert_with(|| toml::Table::new().into());
            section.as_table_mut().expect("sections are tables").extend(values);
        }
        merged.try_into().expect("presets have known options")
    }

    /// The results that the study reports.
    pub fn published(self) -> Published {
        let [accuracy, macro_f1, best_validation_accuracy, epoch_seconds] = match self {
            Preset::StudyLstm => [0.70111, 0.6949, 0.70691, 17.5],
            Preset::StudyGru => [0.73034, 0.7249, 0.72782, 6.5],
            Preset::StudyBilstm => [0.73463, 0.7296, 0.72455, 10.0],
            Preset::StudyBilstmLstm => [0.74521, 0.7401, 0.75882, 11.0],
        };
        let parameters = match self {
            Preset::StudyLstm => 721_540,
            Preset::StudyGru => 392_644,
            Preset::StudyBilstm => 467_908,
            Preset::StudyBilstmLstm => 926_596,
        };
        Published { accuracy, macro_f1, best_validation_accuracy, parameters, epoch_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_have_the_original_s_parameters() {
        for preset in Preset::ALL {
            let config = preset.config();
            config.check().unwrap();
            let network = config.network.network(37, 4);
            assert_eq!(network.params(), preset.published().parameters, "{}", preset.name());
            assert_eq!(network.conv_steps(256), 62);
        }
        // By layer, as Keras counts them.
        let count = |preset: Preset| -> Vec<usize> {
            let network = preset.config().network.network(37, 4);
            let stages = network.stages(1, 1, 256).into_iter().map(|placed| placed.stage.params());
            stages.take(network.convs.len() + network.layers.len()).collect()
        };
        assert_eq!(count(Preset::StudyLstm), [14_336, 49_280, 394_240, 197_120, 49_408, 12_416]);
        assert_eq!(count(Preset::StudyGru)[2..], [296_448, 27_840]);
        assert_eq!(count(Preset::StudyBilstm)[2..], [263_168, 164_352]);
    }
}
