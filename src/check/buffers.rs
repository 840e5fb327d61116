//! Buffers of a case on a device, and what guards their ends.

use super::tensors::{Outputs, Tensors};
use crate::error::Result;
use crate::ops::{Device, Real, Reals, Words};

/// The guard behind each output, and its length. Every format holds this number.
const GUARD: f64 = -12345.0;
const GUARDS: usize = 7;

/// Makes a case's buffers on a device.
pub struct On<'a, D: Device> {
    pub device: &'a D,
    pub tensors: &'a Tensors,
}

impl<D: Device> On<'_, D> {
    /// The tensor `name`, on the device.
    pub fn reals(&self, name: &str) -> Result<Reals<D>> {
        self.upload(&self.tensors[name])
    }

    /// The words `name`, on the device.
    pub fn words(&self, name: &str) -> Result<Words<D>> {
        let words = self.tensors.words(name);
        let mut buffer = self.device.zeros(words.len())?;
        self.device.write(&mut buffer, words)?;
        Ok(buffer)
    }

    /// The tensor `name` for an operation that changes it, with a guard behind it.
    pub fn changed(&self, name: &str) -> Result<Reals<D>> {
        self.guarded(&self.tensors[name])
    }

    /// An output of `len` numbers, full of NaN, with a guard behind it.
    pub fn output(&self, len: usize) -> Result<Reals<D>> {
        self.guarded(&vec![f64::NAN; len])
    }

    /// An output of `len` zeros of which an operation writes a part, with a guard behind it.
    pub fn zeros(&self, len: usize) -> Result<Reals<D>> {
        self.guarded(&vec![0.0; len])
    }

    fn guarded(&self, values: &[f64]) -> Result<Reals<D>> {
        self.upload(&[values, &[GUARD; GUARDS]].concat())
    }

    pub fn upload(&self, values: &[f64]) -> Result<Reals<D>> {
        let host: Vec<D::Real> = values.iter().map(|&v| D::Real::of(v)).collect();
        let mut buffer = self.device.zeros(host.len())?;
        self.device.write(&mut buffer, &host)?;
        Ok(buffer)
    }

    /// All outputs with their lengths, on the host. Panics if a guard is gone.
    pub fn outputs(&self, case: &str, outputs: &[(&'static str, &Reals<D>, usize)]) -> Result<Outputs> {
        let download = |&(name, buffer, len): &(&'static str, &Reals<D>, usize)| {
            let mut host = vec![D::Real::default(); len + GUARDS];
            self.device.read(buffer, &mut host)?;
            let mut host: Vec<f64> = host.into_iter().map(Real::get).collect();
            assert!(host.split_off(len) == [GUARD; GUARDS], "{case}: wrote past the end of {name}");
            Ok((name, host))
        };
        outputs.iter().map(download).collect::<Result<_>>().map(Outputs)
    }
}
