//! Resuming a run on a different device. Devices and instruction-set paths round differently, so another one
//! than the run's is refused unless the user asks for it; the manifest then records the change.

use crate::backend::{DeviceId, Kind};
use crate::error::{Error, Result};
use crate::run::{Manifest, Move, Resume, RunFolder};

/// Refuses to resume a run on another device than its last one.
pub fn refuse_other_device(resume: &Resume, device: &DeviceId) -> Result<()> {
    if resume.device == *device {
        return Ok(());
    }
    let same = match &resume.device {
        DeviceId::Cpu { path, precision } if path.is_available_in(*precision) => {
            // It is that of the run's file if nobody gives another one.
            let precision = match device {
                DeviceId::Cpu { precision: own, .. } if own == precision => String::new(),
                _ => format!(", `precision = {}`", precision.name()),
            };
            format!("use `backend = cpu`{precision} and `isa = {}`", path.name())
        }
        elsewhere => match elsewhere.kind() {
            Kind::Cpu => "resume it on its own machine",
            Kind::Cuda => "resume it on its own machine, with `backend = cuda`, `adapter` and `precision`",
            Kind::Wgpu => "resume it on its own machine, with `backend = wgpu`, `adapter` and `precision`",
        }
        .into(),
    };
    Err(Error::config(format!(
        "the run was made on `{}`, and this is `{device}`, which rounds differently",
        resume.device
    ))
    .hint(format!(
        "{same}, for the same bits; or go on with `{device}`, which the manifest records: `engine train --resume RUN --other-device`"
    )))
}

/// Moves a run to `device`. The manifest records the move if the device is another one than before.
pub fn move_run(folder: &RunFolder, device: DeviceId) -> Result<()> {
    let mut resume = Resume::read(folder.path())?;
    if resume.device == device {
        return Ok(());
    }
    let from = std::mem::replace(&mut resume.device, device.clone());
    let mut manifest = Manifest::read(folder.path())?;
    manifest.moves.push(Move {
        from,
        to: device,
        fold_groups_done: resume.fold_groups_done,
        epochs_done: resume.state.as_ref().map(|state| state.epoch),
    });
    resume.write(folder)?;
    manifest.write(folder)
}
