//! Finding the tensor that broke first.

use super::{Buf, Extent, Model};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::Real as _;

impl<B: Backend> Model<'_, B> {
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
