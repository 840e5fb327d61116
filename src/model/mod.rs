//! `M` networks of one shape on one device: activations, gradients and the order of the operations.

mod front;

use crate::backend::Backend;
use crate::error::Result;
use crate::spec::Real as _;
use crate::spec::{
    Dropout, Gather, GatherOperands, Linear, LinearBackward, LinearForward, Loss, LossOperands, Network,
    Optimizer, OptimizerOperands, Pool, PoolKind, Purpose, Rnn, RnnBackward, RnnForward, StepScalars, Word,
};
use front::{Front, Pass};

type Buf<B> = <B as Backend>::Buf<<B as Backend>::Real>;
type Words<B> = <B as Backend>::Buf<u32>;

/// How many models, rows and steps the buffers are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// `M`
    pub models: usize,
    /// `B`
    pub batch: usize,
    /// `T`: of the longest sequence.
    pub steps: usize,
    /// 1, or `T` where inputs are standardised per step and feature.
    pub stat_steps: usize,
}

/// The rows of one step of all models, `(M, B)` each. A row of length 0 is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Row of the frame table where each sequence starts.
    pub first: Vec<u32>,
    pub lengths: Vec<u32>,
    /// What each row's frames are multiplied by before they are standardised.
    pub scales: Vec<f32>,
    pub labels: Vec<u32>,
}

impl Batch {
    /// A batch without any row.
    pub fn empty(models: usize, batch: usize) -> Self {
        let zeros = vec![0; models * batch];
        let scales = vec![1.0; models * batch];
        Batch { first: zeros.clone(), lengths: zeros.clone(), scales, labels: zeros }
    }
}

/// What turns gradients into better weights, for all models.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    pub optimizer: Optimizer,
    pub smoothing: f64,
    /// `(M, K)`
    pub class_weights: Vec<f64>,
    /// The seed of the dropout masks.
    pub seed: u64,
}

/// One model's part in a training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Its number in the whole cross-validation: the dropout masks must not depend on the stack.
    pub fold: u32,
    pub scalars: StepScalars,
}

/// What a training step tells, by model; zeros for a model without rows.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    pub losses: Vec<f64>,
    /// Gradient norms before clipping.
    pub norms: Vec<f64>,
}

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

/// Gradients and optimiser state.
struct Learner<B: Backend> {
    training: Training,
    gradients: Buf<B>,
    first_moment: Buf<B>,
    second_moment: Buf<B>,
    scalars: Buf<B>,
    /// `(R, M)` each, one row per step that has not been read.
    norms: Buf<B>,
    losses: Buf<B>,
    /// Steps whose losses and norms have not been read.
    unread: usize,
    class_weights: Buf<B>,
    /// By linear layer: gradient by its output, `(M, B, out)`.
    d_linear: Vec<Buf<B>>,
    /// By recurrent layer: gradient by its output, `(M, T, B, dirs*H)`.
    dy: Vec<Buf<B>>,
    /// By recurrent layer: gradient by its final state; used for the last one only.
    d_last: Buf<B>,
    d_pooled: Buf<B>,
    /// Where a gradient waits before it goes back through dropout.
    scratch: Option<Buf<B>>,
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
    scales: Buf<B>,
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
        let Extent { models, batch, steps, stat_steps } = extent;
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
        let top = *rnns.last().expect("a network has a recurrent layer");
        let pooled_len = models * batch * network.pooled();

        let learner = match training {
            None => None,
            Some(training) => {
                let weights = models * network.params();
                let longest =
                    rnns.iter().map(Rnn::y_len).chain(front.specs().map(|s| s.y_len())).max().unwrap_or(0);
                let mut learner = Learner::<B> {
                    gradients: real(weights)?,
                    first_moment: real(weights)?,
                    second_moment: real(weights)?,
                    scalars: real(models * StepScalars::LEN)?,
                    norms: real(models * backend.steps_ahead())?,
                    losses: real(models * backend.steps_ahead())?,
                    unread: 0,
                    class_weights: real(models * network.classes)?,
                    d_linear: linears
                        .iter()
                        .map(|layer| real(models * batch * layer.spec.output))
                        .collect::<Result<_>>()?,
                    dy: rnns.iter().map(|spec| real(spec.y_len())).collect::<Result<_>>()?,
                    d_last: real(top.state_len())?,
                    d_pooled: real(pooled_len)?,
                    scratch: {
                        let dense = models * batch * network.dense.unwrap_or(0);
                        dropped(true, longest.max(pooled_len).max(dense))?
                    },
                    training,
                };
                let class_weights = to_real::<B>(&learner.training.class_weights);
                backend.write(&mut learner.class_weights, &class_weights)?;
                Some(learner)
            }
        };

        let mut model = Model {
            backend,
            network: network.clone(),
            extent,
            weights: real(models * network.params())?,
            unloaded: true,
            stats: real(models * 2 * stat_steps * network.features)?,
            first: words(models * batch)?,
            scales: real(models * batch)?,
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
        self.unloaded = true;
        write_f32(self.backend, &mut self.weights, weights)
    }

    /// `(M, P)` to the host.
    pub fn weights(&self) -> Result<Vec<f32>> {
        read_f32(self.backend, &self.weights, self.extent.models * self.network.params())
    }

    /// `(M, 2, stat_steps, D)`: means and inverse standard deviations.
    pub fn set_stats(&mut self, stats: &[f32]) -> Result<()> {
        write_f32(self.backend, &mut self.stats, stats)
    }

    /// Both optimiser moments, `(M, P)` each.
    pub fn moments(&self) -> Result<[Vec<f32>; 2]> {
        let learner = self.learner.as_ref().expect("made for training");
        let len = self.extent.models * self.network.params();
        Ok([
            read_f32(self.backend, &learner.first_moment, len)?,
            read_f32(self.backend, &learner.second_moment, len)?,
        ])
    }

    pub fn set_moments(&mut self, moments: [&[f32]; 2]) -> Result<()> {
        let learner = self.learner.as_mut().expect("made for training");
        write_f32(self.backend, &mut learner.first_moment, moments[0])?;
        write_f32(self.backend, &mut learner.second_moment, moments[1])
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

    /// Forward, loss, backward, clip and update of all models that have rows. What it tells waits for
    /// [`Model::reports`], which must be asked when [`Model::waiting`] has come to [`Backend::steps_ahead`].
    pub fn train(&mut self, frames: &B::Frames, batch: &Batch, turns: &[Turn]) -> Result<()> {
        self.gradients(frames, batch, turns)?;
        self.update(turns)
    }

    /// The part of a training step before the update.
    pub fn gradients(&mut self, frames: &B::Frames, batch: &Batch, turns: &[Turn]) -> Result<()> {
        let marks: Vec<u32> = turns.iter().flat_map(|turn| [turn.fold, turn.scalars.update as u32]).collect();
        self.backend.write(&mut self.marks, &marks)?;
        self.load(frames, batch)?;
        self.forward(true)?;
        self.backward()
    }

    /// Steps whose reports have not been read.
    pub fn waiting(&self) -> usize {
        self.learner.as_ref().map_or(0, |learner| learner.unread)
    }

    /// What the steps tell that were trained since the last call, the oldest first.
    pub fn reports(&mut self) -> Result<Vec<StepReport>> {
        let (backend, models) = (self.backend, self.extent.models);
        let learner = self.learner.as_mut().expect("made for training");
        let read = |buffer| -> Result<Vec<f64>> {
            let mut host = vec![B::Real::zero(); models * learner.unread];
            backend.read(buffer, &mut host)?;
            Ok(host.into_iter().map(|value| value.get()).collect())
        };
        let (losses, norms) = (read(&learner.losses)?, read(&learner.norms)?);
        learner.unread = 0;
        let report =
            |(losses, norms): (&[f64], &[f64])| StepReport { losses: losses.into(), norms: norms.into() };
        Ok(losses.chunks(models).zip(norms.chunks(models)).map(report).collect())
    }

    /// Uploads a batch and gathers its inputs.
    fn load(&mut self, frames: &B::Frames, batch: &Batch) -> Result<()> {
        let backend = self.backend;
        backend.write(&mut self.first, &batch.first)?;
        write_f32(backend, &mut self.scales, &batch.scales)?;
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
            scales: &self.scales,
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

    fn backward(&mut self) -> Result<()> {
        let backend = self.backend;
        let Extent { models, batch, .. } = self.extent;
        let pooled_dropout = self.dropout(POOLED, models * batch * self.network.pooled());
        let dense_dropout = self.dropout(DENSE, models * batch * self.network.dense.unwrap_or(0));
        let rnn_dropouts: Vec<Dropout> = self
            .layers
            .iter()
            .enumerate()
            .map(|(l, layer)| self.dropout(l as u32, layer.spec.y_len()))
            .collect();
        let front_dropouts = self.front_dropouts();
        let lengths = self.lengths.last().expect("the input has lengths");
        let learner = self.learner.as_mut().expect("made for training");

        let classes = self.network.classes;
        let loss = Loss { models, batch, classes, smoothing: learner.training.smoothing };
        let operands = LossOperands {
            logits: &self.linears.last().expect("the output layer").y,
            labels: &self.labels,
            lengths,
            class_weights: &learner.class_weights,
            losses: &mut learner.losses,
            row: learner.unread,
            d_logits: learner.d_linear.last_mut().expect("the output layer"),
        };
        backend.loss(&loss, operands)?;

        // The linear layers, from the output down; a gradient that goes back through dropout waits in `scratch`.
        for i in (0..self.linears.len()).rev() {
            let layer = &self.linears[i];
            let (lower_dy, dy) = learner.d_linear.split_at_mut(i);
            let (x, d_x, dropout) = match (i.checked_sub(1), lower_dy.last_mut()) {
                (Some(below), Some(lower_dy)) => {
                    let below = &self.linears[below];
                    (below.dropped.as_ref().unwrap_or(&below.y), lower_dy, &dense_dropout)
                }
                _ => {
                    let x = self.pooled_dropped.as_ref().unwrap_or(&self.pooled);
                    (x, &mut learner.d_pooled, &pooled_dropout)
                }
            };
            let (dx, behind_dropout) = match &mut learner.scratch {
                None => (d_x, None),
                Some(scratch) => (scratch, Some(d_x)),
            };
            let operands = LinearBackward {
                weights: &self.weights,
                x,
                y: &layer.y,
                dy: &dy[0],
                dx: Some(dx),
                d_weights: &mut learner.gradients,
            };
            backend.linear_backward(&layer.spec, operands)?;
            if let (Some(scratch), Some(d_x)) = (&learner.scratch, behind_dropout) {
                backend.dropout(dropout, &self.marks, scratch, d_x)?;
            }
        }

        let top = self.layers.len() - 1;
        let (dy, d_last) = (&mut learner.dy[top], &mut learner.d_last);
        backend.pool_backward(&self.pool, lengths, &learner.d_pooled, dy, d_last)?;
        for l in (0..=top).rev() {
            let (lower, here) = self.layers.split_at_mut(l);
            let layer = &mut here[0];
            let (lower_dy, dy) = learner.dy.split_at_mut(l);
            // What is below, where its gradient goes, and the dropout on the way.
            let (x, d_below, dropout) = match (lower.last(), lower_dy.last_mut(), self.front.top()) {
                (Some(below), Some(lower_dy), _) => {
                    (below.dropped.as_ref().unwrap_or(&below.y), Some(lower_dy), rnn_dropouts.get(l - 1))
                }
                (_, _, Some((y, dy))) => (y, Some(dy), front_dropouts.last()),
                _ => (&self.x, None, None),
            };
            let (dx, behind_dropout) = match (d_below, &mut learner.scratch) {
                (Some(d_below), Some(scratch)) => (Some(scratch), Some(d_below)),
                (d_below, _) => (d_below, None),
            };
            let from_steps = l < top || self.pool.kind == PoolKind::Mean;
            let operands = RnnBackward {
                layer: &mut layer.device,
                x,
                lengths,
                initial: None,
                y: &layer.y,
                dy: from_steps.then_some(&dy[0]),
                d_last: (!from_steps).then_some(&learner.d_last),
                dx,
                d_initial: None,
                d_weights: &mut learner.gradients,
            };
            backend.rnn_backward(&layer.spec, operands)?;
            if let (Some(scratch), Some(d_below), Some(dropout)) = (&learner.scratch, behind_dropout, dropout)
            {
                backend.dropout(dropout, &self.marks, scratch, d_below)?;
            }
        }
        let pass = Pass {
            backend,
            weights: &self.weights,
            x: &self.x,
            lengths: &self.lengths,
            marks: &self.marks,
            dropouts: &front_dropouts,
        };
        self.front.backward(&pass, learner.scratch.as_mut(), &mut learner.gradients)
    }

    fn update(&mut self, turns: &[Turn]) -> Result<()> {
        let backend = self.backend;
        let learner = self.learner.as_mut().expect("made for training");
        let optimizer = learner.training.optimizer;
        let scalars: Vec<f64> = turns.iter().flat_map(|turn| turn.scalars.pack(&optimizer)).collect();
        backend.write(&mut learner.scalars, &to_real::<B>(&scalars))?;
        let operands = OptimizerOperands {
            weights: &mut self.weights,
            gradients: &learner.gradients,
            first_moment: &mut learner.first_moment,
            second_moment: &mut learner.second_moment,
            scalars: &learner.scalars,
            norms: &mut learner.norms,
            row: learner.unread,
        };
        backend.optimize(&optimizer, operands)?;
        self.unloaded = true;
        learner.unread += 1;
        Ok(())
    }

    /// The name of model `m`'s first tensor, in the order of the forward and then the backward pass, that holds a number
    /// which is not finite.
    pub fn first_non_finite(&self, m: usize) -> Result<Option<String>> {
        let finite = |buffer: &Buf<B>, len: usize| -> Result<bool> {
            let mut host = vec![B::Real::zero(); len];
            self.backend.read(buffer, &mut host)?;
            let each = len / self.extent.models;
            Ok(host[m * each..(m + 1) * each].iter().all(|value| value.is_finite()))
        };
        let weights = self.extent.models * self.network.params();
        if let Some(name) = self.first_non_finite_parameter(&self.weights, m)? {
            return Ok(Some(format!("weight {name}")));
        }
        let Extent { models, batch, steps, .. } = self.extent;
        if !finite(&self.x, models * batch * steps * self.network.features)? {
            return Ok(Some("input batch".into()));
        }
        for (i, (y, len)) in self.front.outputs().enumerate() {
            if !finite(y, len)? {
                return Ok(Some(format!("output of convolution block {i}")));
            }
        }
        for (l, layer) in self.layers.iter().enumerate() {
            if !finite(&layer.y, layer.spec.y_len())? {
                return Ok(Some(format!("output of recurrent layer {l}")));
            }
        }
        for layer in &self.linears {
            if !finite(&layer.y, layer.spec.models * layer.spec.batch * layer.spec.output)? {
                return Ok(Some(if layer.spec.relu { "dense layer" } else { "logits" }.into()));
            }
        }
        if let Some(learner) = &self.learner {
            if !finite(&learner.losses, self.extent.models)? {
                return Ok(Some("loss".into()));
            }
            if !finite(&learner.gradients, weights)? {
                let name = self.first_non_finite_parameter(&learner.gradients, m)?;
                return Ok(name.map(|name| format!("gradient of {name}")));
            }
            if !finite(&learner.norms, self.extent.models)? {
                return Ok(Some("gradient norm (finite gradients whose squares overflow)".into()));
            }
        }
        Ok(None)
    }

    fn first_non_finite_parameter(&self, buffer: &Buf<B>, m: usize) -> Result<Option<String>> {
        let p = self.network.params();
        let mut host = vec![B::Real::zero(); self.extent.models * p];
        self.backend.read(buffer, &mut host)?;
        let own = &host[m * p..(m + 1) * p];
        let broken = |offset: usize, count: usize| own[offset..offset + count].iter().any(|w| !w.is_finite());
        let parameters = self.network.parameters();
        Ok(parameters.into_iter().find(|q| broken(q.offset, q.count())).map(|q| q.name))
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
