//! `M` networks of one shape on one device: activations, gradients and the order of the operations.

mod batch;
mod finite;
mod front;
mod learner;
mod step;

pub use batch::{Batch, Extent, StepReport, Training, Turn};
pub use step::Step;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::ops::{
    Dropout, Gather, GatherOperands, Linear, LinearForward, Network, Pool, Purpose, Real as _, Rnn,
    RnnForward, Word,
};
use front::{Front, Pass};
use learner::Learner;

type Buf<B> = <B as Backend>::Buf<<B as Backend>::Real>;
type Words<B> = <B as Backend>::Buf<u32>;

struct RnnLayer<B: Backend> {
    spec: Rnn,
    y: Buf<B>,
    last: Buf<B>,
    device: B::Layer,
    /// `y` after dropout; absent where nothing is dropped.
    dropped: Option<Buf<B>>,
}

struct LinearLayer<B: Backend> {
    spec: Linear,
    y: Buf<B>,
    dropped: Option<Buf<B>>,
}

/// The networks and all their memory.
pub struct Model<'b, B: Backend> {
    backend: &'b B,
    network: Network,
    extent: Extent,
    weights: Buf<B>,
    /// The recurrent layers have not yet taken these weights.
    unloaded: bool,
    stats: Buf<B>,
    first: Words<B>,
    /// `(M, B)`: of the rows of `x`, of what each convolution block makes of them, and so of the recurrent layers' rows.
    lengths: Vec<Words<B>>,
    labels: Words<B>,
    /// `(M, 2)`: fold and step, for dropout.
    marks: Words<B>,
    x: Buf<B>,
    front: Front<B>,
    layers: Vec<RnnLayer<B>>,
    pool: Pool,
    pooled: Buf<B>,
    pooled_dropped: Option<Buf<B>>,
    linears: Vec<LinearLayer<B>>,
    learner: Option<Learner<B>>,
}

/// Dropout layers are numbered: recurrent layers from 0, then these, convolution blocks last.
const POOLED: u32 = 1000;
const DENSE: u32 = 1001;
const FRONT: u32 = 2000;

impl<'b, B: Backend> Model<'b, B> {
    /// Networks with zero weights and identity statistics; `training` reserves what a training step needs.
    pub fn new(
        backend: &'b B,
        network: &Network,
        extent: Extent,
        training: Option<Training>,
    ) -> Result<Self> {
        network.check()?;
        extent.check()?;
        let Extent { models, batch, steps, stat_steps } = extent;
        if network.conv_steps(steps) == 0 {
            return Err(Error::config(format!(
                "the convolution blocks leave no step of {steps}, and need {} to leave one",
                network.shortest()
            )));
        }
        let real = |len: usize| backend.zeros::<B::Real>(len);
        let words = |len: usize| backend.zeros::<u32>(len);
        let drops = network.dropout > 0.0;
        let dropped = |wanted: bool, len: usize| (wanted && drops).then(|| real(len)).transpose();

        let front = Front::new(backend, network, [models, batch, steps], training.is_some())?;
        let rnns = network.rnns(models, batch, steps);
        let count = rnns.len();
        let purpose = |l: usize| match training {
            None => Purpose::Inference,
            Some(_) => Purpose::Training { input_gradient: l > 0 || !network.convs.is_empty() },
        };
        let layers = rnns
            .iter()
            .enumerate()
            .map(|(l, spec)| {
                Ok(RnnLayer {
                    spec: *spec,
                    y: real(spec.y_len())?,
                    last: real(spec.state_len())?,
                    device: backend.rnn(spec, purpose(l))?,
                    dropped: dropped(l + 1 < count, spec.y_len())?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let linears = network
            .linears(models, batch)
            .into_iter()
            .map(|spec| {
                let len = models * batch * spec.output;
                Ok(LinearLayer { spec, y: real(len)?, dropped: dropped(spec.relu, len)? })
            })
            .collect::<Result<Vec<_>>>()?;
        let top = *rnns.last().expect("checked above");
        let pooled_len = models * batch * network.pooled();

        let learner =
            training.map(|training| Learner::new(backend, network, extent, training)).transpose()?;

        let mut model = Model {
            backend,
            network: network.clone(),
            extent,
            weights: real(models * network.params())?,
            unloaded: true,
            stats: real(models * 2 * stat_steps * network.features)?,
            first: words(models * batch)?,
            lengths: (0..=network.convs.len()).map(|_| words(models * batch)).collect::<Result<_>>()?,
            labels: words(models * batch)?,
            marks: words(models * 2)?,
            x: real(models * steps * batch * network.features)?,
            front,
            layers,
            pool: Pool {
                kind: network.pool,
                models,
                batch,
                steps: top.steps,
                hidden: top.hidden,
                dirs: top.dirs,
                states: top.cell.states(),
            },
            pooled: real(pooled_len)?,
            pooled_dropped: dropped(true, pooled_len)?,
            linears,
            learner,
        };
        let statistics = stat_steps * network.features;
        let identity = [vec![0.0; statistics], vec![1.0; statistics]].concat().repeat(models);
        model.set_stats(&identity)?;
        Ok(model)
    }

    /// Bytes that the buffers of a training stack take, nearly all of them activations.
    pub fn bytes(network: &Network, extent: Extent) -> usize {
        let Extent { models, batch, steps, .. } = extent;
        let copies = if network.dropout > 0.0 { 4 } else { 2 };
        let layers: usize = network
            .rnns(models, batch, steps)
            .iter()
            .map(|rnn| rnn.reserve_len() + copies * rnn.y_len() + 2 * rnn.state_len())
            .sum();
        let blocks: usize =
            network.conv_blocks(models, batch, steps).iter().map(|conv| (copies + 1) * conv.y_len()).sum();
        let input = models * steps * batch * network.features;
        size_of::<B::Real>() * (blocks + layers + input + 4 * models * network.params())
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// `(M, P)` from the host.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        expect_len("weights", weights, self.extent.models * self.network.params())?;
        self.unloaded = true;
        write_f32(self.backend, &mut self.weights, weights)
    }

    /// `(M, P)` to the host.
    pub fn weights(&self) -> Result<Vec<f32>> {
        read_f32(self.backend, &self.weights, self.extent.models * self.network.params())
    }

    /// `(M, 2, stat_steps, D)`: means and inverse standard deviations.
    pub fn set_stats(&mut self, stats: &[f32]) -> Result<()> {
        let Extent { models, stat_steps, .. } = self.extent;
        expect_len("statistics", stats, models * 2 * stat_steps * self.network.features)?;
        write_f32(self.backend, &mut self.stats, stats)
    }

    /// Logits `(M, B, K)` of a batch, without dropout. Rows that are absent hold no meaning.
    pub fn evaluate(&mut self, frames: &B::Frames, batch: &Batch) -> Result<Vec<f64>> {
        self.load(frames, batch)?;
        self.forward(false)?;
        let logits = &self.linears.last().expect("the output layer").y;
        let mut host = vec![B::Real::zero(); self.extent.models * self.extent.batch * self.network.classes];
        self.backend.read(logits, &mut host)?;
        Ok(host.into_iter().map(|z| z.get()).collect())
    }

    /// Uploads a batch and gathers its inputs.
    fn load(&mut self, frames: &B::Frames, batch: &Batch) -> Result<()> {
        batch.check(self.extent, self.network.classes)?;
        let backend = self.backend;
        backend.write(&mut self.first, &batch.first)?;
        backend.write(&mut self.labels, &batch.labels)?;
        let mut lengths = batch.lengths.clone();
        backend.write(&mut self.lengths[0], &lengths)?;
        for (conv, buffer) in self.network.convs.iter().zip(&mut self.lengths[1..]) {
            lengths.iter_mut().for_each(|length| *length = conv.steps(*length as usize) as u32);
            backend.write(buffer, &lengths)?;
        }
        let Extent { models, batch, steps, stat_steps } = self.extent;
        let gather = Gather { models, batch, steps, features: self.network.features, stat_steps };
        let operands = GatherOperands {
            first: &self.first,
            lengths: &self.lengths[0],
            stats: &self.stats,
            x: &mut self.x,
        };
        backend.gather(&gather, frames, operands)
    }

    fn dropout(&self, layer: u32, len: usize) -> Dropout {
        let seed = self.learner.as_ref().map_or(0, |learner| learner.training.seed);
        let models = self.extent.models;
        let key = crate::random::key(seed, crate::random::Stream::Dropout);
        Dropout { models, len: len / models, rate: self.network.dropout, key, layer }
    }

    /// Those of the convolution blocks.
    fn front_dropouts(&self) -> Vec<Dropout> {
        let numbered = self.front.specs().zip(FRONT..);
        numbered.map(|(spec, layer)| self.dropout(layer, spec.y_len())).collect()
    }

    fn forward(&mut self, training: bool) -> Result<()> {
        let backend = self.backend;
        let dropouts = self.front_dropouts();
        let pass = Pass {
            backend,
            weights: &self.weights,
            x: &self.x,
            lengths: &self.lengths,
            marks: &self.marks,
            dropouts: &dropouts,
        };
        self.front.forward(&pass, training)?;
        let lengths = self.lengths.last().expect("the input has lengths");
        for l in 0..self.layers.len() {
            let dropout = self.dropout(l as u32, self.layers[l].spec.y_len());
            let (below, here) = self.layers.split_at_mut(l);
            let layer = &mut here[0];
            let x = match below.last() {
                None => self.front.output(training).unwrap_or(&self.x),
                Some(below) => below.dropped.as_ref().filter(|_| training).unwrap_or(&below.y),
            };
            if self.unloaded {
                backend.rnn_load(&layer.spec, &self.weights, &mut layer.device)?;
            }
            let operands = RnnForward {
                layer: &mut layer.device,
                keep: training,
                x,
                lengths,
                initial: None,
                y: &mut layer.y,
                last: &mut layer.last,
            };
            backend.rnn_forward(&layer.spec, operands)?;
            if let Some(dropped) = layer.dropped.as_mut().filter(|_| training) {
                backend.dropout(&dropout, &self.marks, &layer.y, dropped)?;
            }
        }
        self.unloaded = false;
        let top = self.layers.last().expect("a network has a recurrent layer");
        backend.pool_forward(&self.pool, lengths, &top.y, &top.last, &mut self.pooled)?;
        let dropout = self.dropout(POOLED, self.pool.models * self.pool.batch * self.network.pooled());
        if let Some(dropped) = self.pooled_dropped.as_mut().filter(|_| training) {
            backend.dropout(&dropout, &self.marks, &self.pooled, dropped)?;
        }
        for i in 0..self.linears.len() {
            let spec = self.linears[i].spec;
            let dropout = self.dropout(DENSE, spec.models * spec.batch * spec.output);
            let (below, here) = self.linears.split_at_mut(i);
            let layer = &mut here[0];
            let x = match below.last() {
                None => self.pooled_dropped.as_ref().filter(|_| training).unwrap_or(&self.pooled),
                Some(below) => below.dropped.as_ref().filter(|_| training).unwrap_or(&below.y),
            };
            backend.linear_forward(&spec, LinearForward { weights: &self.weights, x, y: &mut layer.y })?;
            if let Some(dropped) = layer.dropped.as_mut().filter(|_| training) {
                backend.dropout(&dropout, &self.marks, &layer.y, dropped)?;
            }
        }
        Ok(())
    }
}

fn expect_len(what: &str, numbers: &[f32], expected: usize) -> Result<()> {
    match numbers.len() == expected {
        true => Ok(()),
        false => Err(Error::data(format!("{} {what}, expected {expected}", numbers.len()))),
    }
}

fn to_real<B: Backend>(values: &[f64]) -> Vec<B::Real> {
    values.iter().map(|&value| B::Real::of(value)).collect()
}

fn write_f32<B: Backend>(backend: &B, buffer: &mut Buf<B>, values: &[f32]) -> Result<()>
where
    B::Real: Word,
{
    let host: Vec<B::Real> = values.iter().map(|&value| B::Real::of(f64::from(value))).collect();
    backend.write(buffer, &host)
}

fn read_f32<B: Backend>(backend: &B, buffer: &Buf<B>, len: usize) -> Result<Vec<f32>> {
    let mut host = vec![B::Real::zero(); len];
    backend.read(buffer, &mut host)?;
    Ok(host.into_iter().map(|value| value.get() as f32).collect())
}
