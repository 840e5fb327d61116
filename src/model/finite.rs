//! Finding the tensor that broke first.

use super::buffers::read;
use super::network::Model;
use super::trainer::Trainer;
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::Reals;

impl<B: Backend> Model<'_, B> {
    /// The name of model `m`'s first tensor, in the order of the forward pass, that holds a number which is
    /// not finite.
    fn first_non_finite(&self, m: usize) -> Result<Option<String>> {
        if let Some(name) = self.first_non_finite_parameter(&self.weights, m)? {
            return Ok(Some(format!("weight {name}")));
        }
        let input = self.extent.steps * self.extent.batch * self.network.features;
        if !self.is_finite(&self.activations[0].y, m, input)? {
            return Ok(Some("input batch".into()));
        }
        for (placed, out) in self.placed.iter().zip(&self.activations[1..]) {
            if !self.is_finite(&out.y, m, placed.stage.output_len() / self.extent.models)? {
                return Ok(Some(placed.name.clone()));
            }
        }
        Ok(None)
    }

    /// Whether model `m`'s `each` numbers of a buffer are finite.
    fn is_finite(&self, buffer: &Reals<B>, m: usize, each: usize) -> Result<bool> {
        let host = read(self.backend, buffer, (m + 1) * each)?;
        Ok(host[m * each..].iter().all(|value| value.is_finite()))
    }

    fn first_non_finite_parameter(&self, buffer: &Reals<B>, m: usize) -> Result<Option<String>> {
        let p = self.network.params();
        let host = read(self.backend, buffer, (m + 1) * p)?;
        let own = &host[m * p..];
        let broken = |offset: usize, count: usize| own[offset..offset + count].iter().any(|w| !w.is_finite());
        let parameters = self.network.parameters();
        Ok(parameters.into_iter().find(|q| broken(q.offset, q.count())).map(|q| q.name))
    }
}

impl<B: Backend> Trainer<'_, B> {
    /// The name of model `m`'s first tensor, in the order of the forward and then the backward pass, that
    /// holds a number which is not finite.
    pub fn first_non_finite(&self, m: usize) -> Result<Option<String>> {
        let model = self.model();
        if let Some(name) = model.first_non_finite(m)? {
            return Ok(Some(name));
        }
        if !model.is_finite(&self.losses, m, 1)? {
            return Ok(Some("loss".into()));
        }
        if let Some(name) = model.first_non_finite_parameter(&self.gradients, m)? {
            return Ok(Some(format!("gradient of {name}")));
        }
        if !model.is_finite(&self.norms, m, 1)? {
            return Ok(Some("gradient norm (finite gradients whose squares overflow)".into()));
        }
        Ok(None)
    }
}
