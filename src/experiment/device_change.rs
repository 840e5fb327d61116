//! A run that goes on elsewhere. Devices and instruction-set paths round differently, so another one than the run's is
//! refused unless it is asked for, and then noted down.

use crate::backend::{DeviceId, Kind};
use crate::error::{Error, Result};
use crate::run::{Resume, RunFolder};
use serde_json::json;

/// Refuses to go on with a run on another device than the one that it was last on.
pub fn refuse_other_device(resume: &Resume, device: &DeviceId) -> Result<()> {
    if resume.device == *device {
        return Ok(());
    }
    let same = match &resume.device {
        DeviceId::Cpu { path } if path.is_available() => format!("use `--backend cpu --isa {}`", path.name()),
        elsewhere => match elsewhere.kind() {
            Kind::Cpu => "go on where it was made",
            Kind::Cuda => "go on where it was made, with `--backend cuda`, `--adapter` and `--precision`",
            Kind::Wgpu => "go on where it was made, with `--backend wgpu` and `--adapter`",
        }
        .into(),
    };
    Err(Error::config(format!(
        "the run was made on `{}`, and this is `{device}`, which rounds differently",
        resume.device
    ))
    .hint(format!(
        "{same} for the same bits; `--other-device` goes on with `{device}`, and the manifest will say so"
    )))
}

/// Hands a run over to `device`. The manifest notes it down if that is another one than before.
pub fn move_run(folder: &RunFolder, device: DeviceId) -> Result<()> {
    let mut resume = Resume::read(&folder.file("resume.safetensors"))?;
    if resume.device == device {
        return Ok(());
    }
    let from = std::mem::replace(&mut resume.device, device.clone());
    let mut manifest = folder.manifest()?;
    let broken = || Error::data(format!("{}: not a manifest", folder.file("manifest.json").display()));
    let moves = manifest.as_object_mut().ok_or_else(broken)?.entry("moves").or_insert_with(|| json!([]));
    moves.as_array_mut().ok_or_else(broken)?.push(json!({
        "from": from,
        "to": device,
        "fold_groups_done": resume.fold_groups_done,
        "epochs_done": resume.state.as_ref().map(|state| state.epoch),
    }));
    folder.write("resume.safetensors", &resume.to_bytes()?)?;
    folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())
}
