//! The convolution blocks below the recurrent layers.

use super::{Buf, Words};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Conv, ConvBackward, ConvForward, Dropout, Network};

/// Blocks, bottom up; none in a network that is recurrent from the start.
pub struct Front<B: Backend> {
    blocks: Vec<Block<B>>,
}

struct Block<B: Backend> {
    spec: Conv,
    y: Buf<B>,
    /// `y` after dropout; absent where nothing is dropped.
    dropped: Option<Buf<B>>,
    training: Option<Training<B>>,
}

struct Training<B: Backend> {
    winners: Buf<B>,
    /// Gradient by `y`, `(M, T', B, F)`.
    dy: Buf<B>,
}

/// What a pass through the blocks reads.
pub struct Pass<'a, B: Backend> {
    pub backend: &'a B,
    /// `(M, P)`
    pub weights: &'a Buf<B>,
    /// `(M, T, B, D)`
    pub x: &'a Buf<B>,
    /// By block `(M, B)`, and those that the recurrent layers see.
    pub lengths: &'a [Words<B>],
    pub marks: &'a Words<B>,
    /// By block.
    pub dropouts: &'a [Dropout],
}

impl<B: Backend> Front<B> {
    pub fn new(
        backend: &B,
        network: &Network,
        [models, batch, steps]: [usize; 3],
        is_training: bool,
    ) -> Result<Self> {
        let block = |spec: Conv| {
            let real = || backend.zeros::<B::Real>(spec.y_len());
            let training = || Ok(Training { winners: real()?, dy: real()? });
            Ok(Block {
                spec,
                y: real()?,
                dropped: (network.dropout > 0.0).then(real).transpose()?,
                training: is_training.then(training).transpose()?,
            })
        };
        let blocks = network.conv_blocks(models, batch, steps).into_iter().map(block);
        Ok(Front { blocks: blocks.collect::<Result<_>>()? })
    }

    pub fn specs(&self) -> impl Iterator<Item = Conv> + '_ {
        self.blocks.iter().map(|block| block.spec)
    }

    /// What the recurrent layers read, unless it is `x` itself.
    pub fn output(&self, training: bool) -> Option<&Buf<B>> {
        self.blocks.last().map(|block| block.output(training))
    }

    /// What each block gave, before dropout.
    pub fn outputs(&self) -> impl Iterator<Item = (&Buf<B>, usize)> {
        self.blocks.iter().map(|block| (&block.y, block.spec.y_len()))
    }

    pub fn forward(&mut self, pass: &Pass<B>, training: bool) -> Result<()> {
        for i in 0..self.blocks.len() {
            let (below, here) = self.blocks.split_at_mut(i);
            let block = &mut here[0];
            let operands = ConvForward {
                weights: pass.weights,
                x: below.last().map_or(pass.x, |below| below.output(training)),
                lengths: &pass.lengths[i],
                y: &mut block.y,
                winners: block.training.as_mut().filter(|_| training).map(|training| &mut training.winners),
            };
            pass.backend.conv_forward(&block.spec, operands)?;
            if let Some(dropped) = block.dropped.as_mut().filter(|_| training) {
                pass.backend.dropout(&pass.dropouts[i], pass.marks, &block.y, dropped)?;
            }
        }
        Ok(())
    }

    /// What the recurrent layers read in training, and where their gradient by it goes.
    pub fn top(&mut self) -> Option<(&Buf<B>, &mut Buf<B>)> {
        let Block { y, dropped, training, .. } = self.blocks.last_mut()?;
        let training = training.as_mut().expect("made for training");
        Some((dropped.as_ref().unwrap_or(y), &mut training.dy))
    }

    /// From the gradient by the output down to all weights. `scratch` is where a gradient waits before it goes back through
    /// dropout.
    pub fn backward(
        &mut self,
        pass: &Pass<B>,
        mut scratch: Option<&mut Buf<B>>,
        d_weights: &mut Buf<B>,
    ) -> Result<()> {
        for i in (0..self.blocks.len()).rev() {
            let (below, here) = self.blocks.split_at_mut(i);
            let below = below.last_mut();
            let Training { winners, dy } = here[0].training.as_ref().expect("made for training");
            let (x, d_below) = match below {
                None => (pass.x, None),
                Some(Block { y, dropped, training, .. }) => {
                    (dropped.as_ref().unwrap_or(y), training.as_mut().map(|training| &mut training.dy))
                }
            };
            let (dx, behind_dropout) = match (d_below, scratch.as_deref_mut()) {
                (Some(d_below), Some(scratch)) => (Some(scratch), Some(d_below)),
                (d_below, _) => (d_below, None),
            };
            let operands = ConvBackward {
                weights: pass.weights,
                x,
                lengths: &pass.lengths[i],
                winners,
                dy,
                dx,
                d_weights,
            };
            pass.backend.conv_backward(&here[0].spec, operands)?;
            if let (Some(scratch), Some(d_below)) = (scratch.as_deref(), behind_dropout) {
                pass.backend.dropout(&pass.dropouts[i - 1], pass.marks, scratch, d_below)?;
            }
        }
        Ok(())
    }
}

impl<B: Backend> Block<B> {
    fn output(&self, training: bool) -> &Buf<B> {
        self.dropped.as_ref().filter(|_| training).unwrap_or(&self.y)
    }
}
