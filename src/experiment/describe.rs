//! An experiment in words: for people before it begins, and in the files that a run begins with.

use super::prepare::Experiment;
use super::run::status;
use crate::backend::{DeviceId, on_device};
use crate::data::split::Leak;
use crate::error::Result;
use crate::model::Trainer;
use crate::ops::Pooling;
use crate::run::{Resume, RunFolder};
use serde_json::json;

impl Experiment {
    /// What will happen, in lines for people: data, split, network, and the memory that the device will take.
    pub fn describe(&self, selection: &[usize]) -> Result<String> {
        let d = &self.dataset;
        let classes: Vec<String> = d
            .class_names
            .iter()
            .zip(d.class_counts())
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let blocks = self.network.convs.iter().map(|conv| format!("conv {conv}"));
        let layers = self
            .network
            .layers
            .iter()
            .map(|l| format!("{}{} {}", if l.dirs == 2 { "bi" } else { "" }, l.cell.name(), l.hidden));
        let attention = (self.network.pool == Pooling::Attention).then(|| "attention".to_string());
        let layers: Vec<String> = blocks.chain(layers).chain(attention).collect();
        let extent = self.extent(self.fold_group_size(selection.len()));
        let device = self.config.run.device()?;
        let trainer = on_device!(&device, backend => Trainer::bytes(backend, &self.network, extent)?);
        let megabytes = (trainer + d.frames.bytes()) / (1 << 20);
        Ok(format!(
            "data     {} subjects, {} trials, {} sequences of {} steps x {} features ({})\n\
             labels   {}: {}\n\
             split    {}, {} folds, {} trained at once; {}\n\
             network  {} -> {}{} classes, {} parameters\n\
             memory   about {megabytes} MiB",
            d.frames.subjects.len(),
            d.frames.segments.len(),
            d.sequences.len(),
            d.steps(),
            d.frames.width(),
            self.config.data.path.display(),
            d.label_rule,
            classes.join(", "),
            self.split.kind().name(),
            selection.len(),
            extent.models,
            Leak::of(&self.split.audit(d)).describe(),
            layers.join(" -> "),
            self.network.dense.map_or(String::new(), |units| format!("dense {units} -> ")),
            self.network.classes,
            self.network.params(),
        ))
    }

    /// Everything that identifies the run, for manifest.json.
    fn manifest(&self, device: &DeviceId, selection: &[usize]) -> serde_json::Value {
        let d = &self.dataset;
        let recordings: Vec<_> = d
            .frames
            .subjects
            .iter()
            .zip(&d.frames.hashes)
            .map(|(subject, hash)| json!({ "subject": subject, "blake3": hash }))
            .collect();
        let audit = self.split.audit(d);
        json!({
            "engine": env!("CARGO_PKG_VERSION"),
            "platform": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            "device": device,
            "threads": rayon::current_num_threads(),
            "unix_time": std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs()),
            "seed": self.spec.seed,
            "dataset": { "blake3": self.dataset_hash, "recordings": recordings, "labels": d.label_rule,
                         "classes": d.class_names, "class_counts": d.class_counts(), "features": d.frames.features,
                         "sequences": d.sequences.len(), "steps": d.steps() },
            "split": { "kind": self.split.kind(), "leak": Leak::of(&audit), "folds": audit },
            "selected_folds": selection,
            "normalize": self.config.frames.normalize,
            "network": self.network,
            "parameters": self.network.params(),
        })
    }

    /// Writes what a run begins with.
    pub fn record(&self, folder: &RunFolder, selection: &[usize]) -> Result<()> {
        let device = self.config.run.device()?.id();
        folder.write("config.toml", self.config.to_toml().as_bytes())?;
        status(folder, "created", None)?;
        folder.write("split.json", self.split.to_json().as_bytes())?;
        let manifest = self.manifest(&device, selection);
        folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
        folder.write("resume.safetensors", &Resume::start(device).to_bytes()?)
    }
}
