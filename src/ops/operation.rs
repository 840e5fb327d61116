//! The traits of an operation and of a device.

use super::{Real, Word, Work};
use crate::error::{Error, Result};

/// All devices are in this crate: an operation runs on [`Checked`] operands and trusts them.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// Memory that operations work on, and a clock. A device computes if it [`Runs`] operations.
pub trait Device: sealed::Sealed + Sync + Sized + 'static {
    /// The number format of activations and weights.
    type Real: Real;
    /// Device memory for words.
    type Buf<T: Word>: Send + Sync;
    /// The frame table on the device.
    type Frames: Sync;
    /// The device's part of a recurrent layer.
    type Layer: Send + Sync;

    /// A buffer of zeros.
    fn zeros<T: Word>(&self, len: usize) -> Result<Self::Buf<T>>;
    /// Buffers of zeros that are written together, of words and of numbers. A device with memory of its own
    /// may put them side by side, so that one copy fills all of them; write them in their order.
    fn zeros_together(&self, words: &[usize], reals: &[usize]) -> Result<Together<Self>> {
        let words = words.iter().map(|&len| self.zeros(len)).collect::<Result<_>>()?;
        Ok((words, reals.iter().map(|&len| self.zeros(len)).collect::<Result<_>>()?))
    }
    /// Host to device; `src` fills `dst` exactly.
    fn write<T: Word>(&self, dst: &mut Self::Buf<T>, src: &[T]) -> Result<()>;
    /// Device to host, waits; `dst` takes the first words of `src`.
    fn read<T: Word>(&self, src: &Self::Buf<T>, dst: &mut [T]) -> Result<()>;

    /// The words themselves, where they lie in the host's memory.
    fn on_host<'a>(&self, _: &'a Self::Buf<u32>) -> Option<&'a [u32]> {
        None
    }

    /// Runs `launch` as one span of the device's timeline. A device that times each of its launches itself
    /// does only that.
    fn span<T>(&self, _: &'static str, _: Work, launch: impl FnOnce() -> T) -> T {
        launch()
    }

    /// Runs the operation `O`: the one door to every kernel of every device. What can be checked of the
    /// operands is checked here.
    fn run<O: Operation>(&self, s: &O::Sizes, mut a: O::Operands<'_, Self>) -> Result<()>
    where
        Self: Runs<O>,
    {
        O::prepare(self, s, &mut a)?;
        self.span(O::LABEL, O::work(s, &a), || self.execute(s, a, Checked(())))
    }
}

/// One operation: its sizes, operands and work.
pub trait Operation: 'static {
    /// Sizes and offsets.
    type Sizes;
    /// Buffers, described once for all devices.
    type Operands<'a, D: Device>;
    /// As in profiles.
    const LABEL: &'static str;

    /// Algorithmic work.
    fn work<D: Device>(s: &Self::Sizes, a: &Self::Operands<'_, D>) -> Work;

    /// Refuses operands that do not belong to these sizes, and notes down in them what the operation does.
    fn prepare<D: Device>(_: &D, _: &Self::Sizes, _: &mut Self::Operands<'_, D>) -> Result<()> {
        Ok(())
    }
}

/// A device that can do `O`.
pub trait Runs<O: Operation>: Device {
    /// Does it. Only [`Device::run`] can ask for it: kernels trust the lengths and layers that it has
    /// checked.
    fn execute(&self, s: &O::Sizes, a: O::Operands<'_, Self>, checked: Checked) -> Result<()>;
}

/// Shows that operands went through [`Device::run`], which alone makes one.
pub struct Checked(());

/// A buffer of the device's numbers.
pub type Reals<D> = <D as Device>::Buf<<D as Device>::Real>;
/// A buffer of `u32`.
pub type Words<D> = <D as Device>::Buf<u32>;

/// Buffers that are written together: of words and of numbers.
pub type Together<D> = (Vec<Words<D>>, Vec<Reals<D>>);

/// Refuses a row of more steps than buffers are made for, where the host sees the lengths. GPUs do not look:
/// what is beyond `T` is another row's, and whoever fills their buffers asks [`check_steps`].
pub fn check_lengths<D: Device>(device: &D, lengths: &Words<D>, rows: usize, steps: usize) -> Result<()> {
    device.on_host(lengths).map_or(Ok(()), |lengths| check_steps(&lengths[..rows], steps))
}

/// Refuses a row of more steps than buffers are made for.
pub fn check_steps(lengths: &[u32], steps: usize) -> Result<()> {
    match lengths.iter().position(|&length| length as usize > steps) {
        None => Ok(()),
        Some(row) => {
            Err(Error::data(format!("row {row} has {} steps, expected at most {steps}", lengths[row])))
        }
    }
}
