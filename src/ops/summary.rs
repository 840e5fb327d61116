//! A network as a table, layer by layer.

use super::Network;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer, in words.
    pub layer: String,
    /// `steps x features`, or one number where there is no time any more.
    pub output: String,
    /// Trainable parameters of the layer.
    pub parameters: usize,
}

impl Network {
    /// The layers, bottom up, for sequences of `steps`.
    pub fn summary(&self, steps: usize) -> Vec<SummaryRow> {
        let input = SummaryRow {
            layer: "input".into(),
            output: format!("{steps} x {}", self.features),
            parameters: 0,
        };
        let stages = self.stages(1, 1, steps).into_iter().map(|placed| SummaryRow {
            layer: placed.stage.describe(),
            output: placed.stage.output_shape(),
            parameters: placed.stage.params(),
        });
        std::iter::once(input).chain(stages).collect()
    }
}
