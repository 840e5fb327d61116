//! candle on the CPU. Threads: RAYON_NUM_THREADS.
//!
//! candle-nn has no bidirectional layer: that is two LSTMs, the second on the flipped input, as a user would write it.

use std::hint::black_box;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::rnn::{Direction, GRUConfig, LSTMConfig, RNN, gru, lstm};
use candle_nn::{VarBuilder, VarMap};
use peers::{Case, Cell, Run, about, serve};

fn main() {
    let about = about("candle", "candle-core");
    serve(&about, |case, train| build(case, train).expect("candle builds the case"));
}

fn build(case: &Case, train: bool) -> Result<Run> {
    let &Case { cell, b, t, d, h, .. } = case;
    let x = Tensor::randn(0f32, 1f32, (b, t, d), &Device::Cpu)?;
    let forward = LSTMConfig::default();
    let backward = LSTMConfig { direction: Direction::Backward, ..forward };
    Ok(match cell {
        Cell::Lstm => run(weights(train, |vb| Ok(vec![lstm(d, h, forward, vb)?]))?, x, |s| s.h(), train),
        Cell::Gru => {
            run(weights(train, |vb| Ok(vec![gru(d, h, GRUConfig::default(), vb)?]))?, x, |s| s.h(), train)
        }
        Cell::BiLstm => {
            let both = |vb: VarBuilder<'static>| {
                Ok(vec![lstm(d, h, forward, vb.clone())?, lstm(d, h, backward, vb)?])
            };
            run(weights(train, both)?, x, |s| s.h(), train)
        }
    })
}

/// The layers that `make` builds, over variables for training, over plain tensors, which keep no graph, for inference.
fn weights<L>(train: bool, make: impl Fn(VarBuilder<'static>) -> Result<L>) -> Result<L> {
    let variables = VarMap::new();
    let layers = make(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    if train {
        return Ok(layers);
    }
    let variables = variables.data().lock().expect("no thread died with it");
    let plain =
        variables.iter().map(|(name, variable)| (name.clone(), variable.as_detached_tensor())).collect();
    make(VarBuilder::from_tensors(plain, DType::F32, &Device::Cpu))
}

/// One layer, or one for each direction.
fn run<L: RNN + 'static>(layers: Vec<L>, x: Tensor, h: fn(&L::State) -> &Tensor, train: bool) -> Run {
    let once = move || -> Result<()> {
        let (mut outputs, mut last) = (vec![], vec![]);
        for (direction, layer) in layers.iter().enumerate() {
            let backward = direction == 1;
            let states = layer.seq(&if backward { x.flip(&[1])? } else { x.clone() })?;
            if train {
                last.push(h(states.last().expect("T > 0")).clone());
            } else {
                let y = layer.states_to_tensor(&states)?;
                outputs.push(if backward { y.flip(&[1])? } else { y });
            }
        }
        if train {
            black_box((Tensor::cat(&last, 1)? * 0.01)?.sum_all()?.backward()?);
        } else {
            black_box(Tensor::cat(&outputs, 2)?);
        }
        Ok(())
    };
    Box::new(move || once().expect("candle runs the case"))
}
