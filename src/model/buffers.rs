//! Between the host's numbers and the device's.

use crate::error::{Error, Result};
use crate::ops::{Device, Real as _, Reals};

/// Refuses a list of another length.
pub fn expect_len(what: &str, numbers: &[f32], expected: usize) -> Result<()> {
    match numbers.len() == expected {
        true => Ok(()),
        false => Err(Error::data(format!("{} {what}, expected {expected}", numbers.len()))),
    }
}

pub fn write<D: Device>(device: &D, buffer: &mut Reals<D>, values: &[f64]) -> Result<()> {
    let host: Vec<D::Real> = values.iter().map(|&value| D::Real::of(value)).collect();
    device.write(buffer, &host)
}

pub fn write_f32<D: Device>(device: &D, buffer: &mut Reals<D>, values: &[f32]) -> Result<()> {
    let host: Vec<D::Real> = values.iter().map(|&value| D::Real::of(f64::from(value))).collect();
    device.write(buffer, &host)
}

pub fn read<D: Device>(device: &D, buffer: &Reals<D>, len: usize) -> Result<Vec<f64>> {
    let mut host = vec![D::Real::zero(); len];
    device.read(buffer, &mut host)?;
    Ok(host.into_iter().map(|value| value.get()).collect())
}

pub fn read_f32<D: Device>(device: &D, buffer: &Reals<D>, len: usize) -> Result<Vec<f32>> {
    Ok(read(device, buffer, len)?.into_iter().map(|value| value as f32).collect())
}
