//! An experiment in words: for people before it begins, and in the files that a run begins with.

use super::prepare::Experiment;
use crate::backend::DeviceId;
use crate::data::contents::TrainedContents;
use crate::data::sequences::Dataset;
use crate::data::split::Leak;
use crate::error::Result;
use crate::memory::mebibytes;
use crate::ops::Pooling;
use crate::run::{DatasetEntry, FORMAT, Manifest, RecordingEntry, Resume, RunFolder, SplitEntry, Status};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The contents of all series of a data set.
fn contents(dataset: &Dataset) -> TrainedContents {
    let frames = &dataset.frames;
    let series = frames.segments.iter().zip(frames.sketches.iter());
    TrainedContents::of(
        series.map(|(s, sketch)| (frames.subjects[s.subject as usize].as_str(), s.trial, sketch)),
    )
}

impl Experiment {
    /// Describes the training for people: data, split, network, and memory on the device. So many runs of
    /// these folds train at once.
    pub fn describe(&self, selection: &[usize], runs: usize) -> Result<String> {
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
        let models = self.models_at_once(selection, runs)?;
        let memory = mebibytes(self.memory(selection, runs)?);
        let everything: Vec<u32> = (0..d.sequences.len() as u32).collect();
        let scope = self.scope(selection);
        let notes = std::iter::once(format!("tests {}", scope.headline())).chain(scope.notes());
        let notes: String = notes.map(|note| format!("         {note}\n")).collect();
        let test = self.exchangeable.as_ref().map_or(String::new(), |exchangeable| {
            let permutations = self.permutations();
            format!("test     {permutations} permutations, {models} folds at once; {}\n", exchangeable.rule())
        });
        let tuning = self.tuning_plan()?;
        let before = if self.is_tuned() { ", before the choice" } else { "" };
        let unseen = match self.left_out.len() {
            0 => String::new(),
            n => format!("unseen   {n} features: {}\n", self.config.frames.leave_out.join(", ")),
        };
        Ok(format!(
            "data     {}, {} sequences of {} steps x {} features ({})\n\
             cases    {}\n\
             {unseen}labels   {}: {}\n\
             split    {}, {} folds, {} trained at once{}\n\
             {notes}{test}{tuning}\
             network  {} -> {}{} classes, {} parameters{before}\n\
             memory   about {memory}",
            d.grouping.count(d.frames.subjects.len(), d.trials(&everything).len()),
            d.sequences.len(),
            d.steps(),
            d.frames.width(),
            self.config.data.path.display(),
            d.ledger().describe(),
            d.label_rule,
            classes.join(", "),
            self.split.kind().name(),
            selection.len(),
            self.fold_group_size(selection.len()) * runs,
            match self.split.has_test() {
                true => format!("; {}", Leak::of(&self.split.audit(d)).describe()),
                false => String::new(),
            },
            layers.join(" -> "),
            self.network.dense.map_or(String::new(), |units| format!("dense {units} -> ")),
            self.network.classes,
            self.network.params(),
        ))
    }

    /// Everything that identifies the run.
    fn manifest(&self, device: DeviceId, selection: &[usize]) -> Result<Manifest> {
        let d = &self.dataset;
        let recordings = d.frames.subjects.iter().zip(&d.frames.hashes);
        let folds = self.split.audit(d);
        Ok(Manifest {
            format: FORMAT,
            engine: env!("CARGO_PKG_VERSION").into(),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            device,
            threads: rayon::current_num_threads(),
            unix_time: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_secs()),
            seed: self.spec.seed,
            dataset: DatasetEntry {
                blake3: self.dataset_hash.clone(),
                recordings: recordings
                    .map(|(subject, hash)| RecordingEntry { subject: subject.clone(), blake3: hash.clone() })
                    .collect(),
                labels: d.label_rule.clone(),
                classes: d.class_names.clone(),
                class_counts: d.class_counts(),
                features: d.frames.features.clone(),
                sequences: d.sequences.len(),
                steps: d.steps(),
                cases: Some(d.ledger()),
                contents: Some(contents(d)),
            },
            split: SplitEntry { kind: self.split.kind(), leak: Leak::of(&folds), folds },
            scope: Some(self.scope(selection)),
            selected_folds: selection.to_vec(),
            normalize: self.config.frames.normalize,
            network: self.network.clone(),
            parameters: self.network.params(),
            files: BTreeMap::new(),
            unbound: false,
            from: self.source_run()?,
            tuning: self.tuning_entry(),
            moves: Vec::new(),
        })
    }

    /// Writes the files that a run begins with.
    pub fn record(&self, folder: &RunFolder, selection: &[usize]) -> Result<()> {
        let device = self.config.run.device()?.id();
        folder.write("config.toml", self.config.to_toml().as_bytes())?;
        Status::Created.write(folder)?;
        folder.write("split.json", self.split.to_json().as_bytes())?;
        self.manifest(device.clone(), selection)?.write(folder)?;
        Resume::start(device, self.bound(selection)).write(folder)
    }
}
