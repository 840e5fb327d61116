//! A network as a table, layer by layer.

use super::{Network, PoolKind};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    pub layer: String,
    /// `steps x features`, or one number where there is no time any more.
    pub output: String,
    pub parameters: usize,
}

impl Network {
    /// The layers, bottom up, for sequences of `steps`.
    pub fn summary(&self, steps: usize) -> Vec<SummaryRow> {
        let mut rows = Vec::new();
        let mut push = |layer: String, output: String, parameters: usize| {
            rows.push(SummaryRow { layer, output, parameters });
        };
        push("input".into(), format!("{steps} x {}", self.features), 0);
        for conv in self.conv_blocks(1, 1, steps) {
            let layer = format!("conv of {} steps, ReLU, max-pool 2", conv.spec.kernel);
            push(layer, format!("{} x {}", conv.out_steps(), conv.spec.filters), conv.params());
        }
        for rnn in self.rnns(1, 1, steps) {
            let bi = if rnn.dirs == 2 { "bi" } else { "" };
            let biases = if rnn.biases == 1 { "one bias" } else { "two biases" };
            let layer = format!("{bi}{}, {biases} a gate", rnn.cell.name());
            push(layer, format!("{} x {}", rnn.steps, rnn.dirs * rnn.hidden), rnn.params());
        }
        let pool = match self.pool {
            PoolKind::Last => "final state",
            PoolKind::Mean => "mean over time",
        };
        push(pool.into(), self.pooled().to_string(), 0);
        for linear in self.linears(1, 1) {
            let layer = if linear.relu { "dense, ReLU" } else { "dense, softmax" };
            push(layer.into(), linear.output.to_string(), linear.params());
        }
        rows
    }
}
