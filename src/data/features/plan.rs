//! The plan of the features of chosen channels: which columns there are, and where each is measured.

use super::family::{Family, FeatureSpec};
use super::measure::{InFrames, InWindows, Quantity, Value};
use super::{eeg, emg, eog, gsr, pulse, resp, temp};
use crate::data::bandpower::BandPower;
use crate::data::bands::{Band, check_bands};
use crate::data::feature::Feature;
use crate::data::recording::{Channel, Modality};
use crate::error::{Error, Result};
use std::ops::Range;

/// A channel in the plan.
struct Planned {
    channel: Channel,
    /// Quantities that are measured frame by frame.
    frame: Vec<Quantity>,
    /// Quantities that are measured in windows.
    window: Vec<Quantity>,
}

/// The features of chosen channels, and how they are measured.
pub struct Plan {
    spec: FeatureSpec,
    bands: Vec<Band>,
    channels: Vec<Planned>,
    /// Left and right channels, by their number among the chosen.
    pairs: Vec<(usize, usize)>,
    /// The feature of each column.
    features: Vec<Feature>,
    /// Where each column lies among all that are measured: those of frames, of pairs, and of windows.
    kept: Vec<usize>,
    /// Samples of a frame.
    span: usize,
    /// Samples of a window.
    window: usize,
    rate: f64,
}

/// The frames of a trial.
pub struct Cut {
    /// The first sample of each frame.
    pub starts: Vec<usize>,
    /// The samples that a window may cover.
    pub usable: Range<usize>,
    /// The first sample of each frame of the baseline, if its mean is subtracted from quantities of frames.
    pub baseline: Option<Vec<usize>>,
}

/// One column of a trial's frames.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// A number for each frame; NaN where there is none.
    pub values: Vec<f64>,
    /// The reason for the first that is missing.
    pub why: Option<String>,
}

impl Measured {
    fn push(&mut self, value: Value) {
        self.values.push(value.unwrap_or_else(|why| {
            self.why.get_or_insert(why);
            f64::NAN
        }));
    }
}

impl Plan {
    /// The plan for these channels of a recording of `rate` Hz, and for frames of `span` samples.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a channel without features, for families that no
    /// channel has, and for a rate, frame or window at which one cannot be measured.
    pub fn new(
        spec: &FeatureSpec,
        bands: &[Band],
        channels: &[Channel],
        rate: f64,
        span: usize,
    ) -> Result<Self> {
        let has = |family: Family| spec.families.contains(&family);
        let has_pairs = has(Family::Asymmetry) || has(Family::RationalAsymmetry);
        // Without entropies, the bands may be unfit for the rate.
        let bands = if has(Family::Entropy) || has_pairs { bands.to_vec() } else { Vec::new() };
        let planned = |channel: &Channel| {
            let (frame, window) = quantities(channel.modality, &bands);
            Planned { channel: channel.clone(), frame, window }
        };
        let name = |channel: &Channel| match channel.modality {
            Modality::Eeg => channel.name.clone(),
            _ => String::new(),
        };
        let names: Vec<String> = channels.iter().map(name).collect();
        let pairs = eeg::pairs(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut plan = Plan {
            spec: spec.clone(),
            channels: channels.iter().map(planned).collect(),
            bands,
            pairs: if has_pairs { pairs } else { Vec::new() },
            features: Vec::new(),
            kept: Vec::new(),
            span,
            window: (spec.window * rate).round() as usize,
            rate,
        };
        plan.choose_columns();
        plan.check_families()?;
        plan.check_measurable()?;
        Ok(plan)
    }

    /// The feature of each column: channel by channel, and pairs of electrodes last.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Whether features depend on samples of the trial outside of their frame.
    pub fn has_windows(&self) -> bool {
        self.channels.iter().flat_map(|planned| &planned.window).any(|quantity| self.has(quantity))
    }

    /// The length of the window of slow signals in seconds.
    pub fn window_seconds(&self) -> f64 {
        self.spec.window
    }

    /// The columns of the frames of one trial, as in [`Plan::features`]. `signals` are its chosen channels.
    ///
    /// # Errors
    ///
    /// The seconds that the trial has, if it is shorter than the window.
    pub fn measure(&self, signals: &[&[f64]], cut: &Cut) -> Result<Vec<Measured>, f64> {
        if self.has_windows() && cut.usable.len() < self.window {
            return Err(cut.usable.len() as f64 / self.rate);
        }
        let mut all = self.in_frames(signals, &cut.starts);
        if let Some(baseline) = &cut.baseline {
            for (column, rest) in all.iter_mut().zip(self.in_frames(signals, baseline)) {
                let mean = rest.values.iter().sum::<f64>() / rest.values.len() as f64;
                column.values.iter_mut().for_each(|value| *value -= mean);
                column.why = column.why.take().or(rest.why);
            }
        }
        all.extend(self.in_windows(signals, cut));
        Ok(self.kept.iter().map(|&index| all[index].clone()).collect())
    }

    fn has(&self, quantity: &Quantity) -> bool {
        self.spec.families.contains(&quantity.family)
    }

    /// Fills in the columns of the chosen families, in their order.
    fn choose_columns(&mut self) {
        let frames: usize = self.channels.iter().map(|planned| planned.frame.len()).sum();
        let of_pair = eeg::pair_quantities(&self.bands);
        let [mut at_frame, at_pair] = [0, frames];
        let mut at_window = frames + self.pairs.len() * of_pair.len();
        let mut columns = Vec::new();
        for Planned { channel, frame, window } in &self.channels {
            for (quantities, at) in [(frame, &mut at_frame), (window, &mut at_window)] {
                let numbered = quantities.iter().zip(*at..);
                columns.extend(
                    numbered.map(|(quantity, index)| (feature(channel, quantity, None), quantity, index)),
                );
                *at += quantities.len();
            }
        }
        for (number, &(left, right)) in self.pairs.iter().enumerate() {
            let pair = [left, right].map(|index| self.channels[index].channel.name.clone());
            let channel = Channel { name: pair.join("-"), modality: Modality::Eeg };
            let numbered = of_pair.iter().zip(at_pair + number * of_pair.len()..);
            columns.extend(
                numbered.map(|(quantity, index)| {
                    (feature(&channel, quantity, Some(pair.clone())), quantity, index)
                }),
            );
        }
        columns.retain(|(_, quantity, _)| self.spec.families.contains(&quantity.family));
        (self.features, self.kept) = columns.into_iter().map(|(feature, _, index)| (feature, index)).unzip();
    }

    /// Refuses modalities without a feature, and families that were asked for without one.
    fn check_families(&self) -> Result<()> {
        let modalities = |found: &dyn Fn(&Channel) -> bool| {
            self.channels.iter().map(|planned| &planned.channel).find(|channel| found(channel)).cloned()
        };
        if let Some(channel) = modalities(&|channel| channel.modality == Modality::Other) {
            return Err(Error::config(format!(
                "the channel {} is of the modality other, which has no features",
                channel.name
            ))
            .hint(
                "use the samples themselves with `frame_kind = raw`, choose other `channels`, or state the modalities \
                 in the file: `engine data formats` says how",
            ));
        }
        let has_none =
            |channel: &Channel| !self.features.iter().any(|f| f.channel.modality == channel.modality);
        let names = |families: &[Family]| families.iter().map(|f| f.name()).collect::<Vec<_>>().join(",");
        if let Some(channel) = modalities(&has_none) {
            let (frame, window) = quantities(channel.modality, &self.bands);
            let mut own: Vec<Family> = frame.iter().chain(&window).map(|quantity| quantity.family).collect();
            own.dedup();
            return Err(Error::config(format!(
                "the channel {} has none of the features {}",
                channel.name,
                names(&self.spec.families)
            ))
            .hint(format!("add some of {} to `families`, or choose other `channels`", names(&own))));
        }
        let is_missing = |family: &&Family| !self.features.iter().any(|f| f.family == Some(**family));
        match self.spec.families.iter().find(is_missing) {
            // All families are computed by default, where there are channels for them.
            Some(family) if self.spec.families != Family::DEFAULT => {
                Err(Error::config(format!("no chosen channel has the feature {}", family.name())).hint(
                    "leave it out of `families`, or choose its `channels`; an asymmetry needs two electrodes",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Refuses rates, frames and windows at which a quantity cannot be measured.
    fn check_measurable(&self) -> Result<()> {
        let is_chosen = |family: Family| self.features.iter().any(|feature| feature.family == Some(family));
        if self.features.iter().any(|feature| feature.band.is_some()) {
            check_bands(&self.bands, self.rate)?;
            BandPower::new(self.span.max(1), self.rate, &self.bands).check(
                &self.bands,
                self.seconds(),
                self.rate,
            )?;
        }
        if is_chosen(Family::SlowPower) && !eog::SlowPower::new(self.span, self.rate).is_resolved() {
            return Err(Error::config(format!(
                "frames of {} s are too short for power below 4 Hz",
                self.seconds()
            ))
            .hint("use a larger `frame_length`, or leave slow-power out of `families`"));
        }
        for planned in &self.channels {
            let Some(highest) = highest(planned.channel.modality) else { continue };
            if !planned.window.iter().any(|quantity| self.has(quantity)) {
                continue;
            }
            if self.rate <= 2.0 * highest {
                return Err(Error::config(format!(
                    "a rate of {} Hz cannot hold {highest} Hz, the highest frequency of the channel {}",
                    self.rate, planned.channel.name
                ))
                .hint("choose other `channels`, or use the samples themselves with `frame_kind = raw`"));
            }
            if self.window <= LEAST {
                return Err(Error::config(format!(
                    "`feature_window = {}` is {} samples, expected more than {LEAST}",
                    self.spec.window, self.window
                ))
                .hint("use a longer `feature_window`"));
            }
            if planned.channel.modality == Modality::Gsr && self.spec.gsr.is_none() {
                return Err(Error::config(format!(
                    "the unit of the channel {} is unknown: these files do not state it",
                    planned.channel.name
                ))
                .hint("state it: `gsr_unit = us` for microsiemens, `gsr_unit = ohm` for a resistance"));
            }
        }
        Ok(())
    }

    /// Length of a frame.
    fn seconds(&self) -> f64 {
        self.span as f64 / self.rate
    }

    /// The columns of all quantities of frames, then of pairs, for frames that begin at `starts`.
    fn in_frames(&self, signals: &[&[f64]], starts: &[usize]) -> Vec<Measured> {
        let mut columns = Vec::new();
        // Where the columns of each channel begin: its entropies come first.
        let mut first = Vec::new();
        for (planned, signal) in self.channels.iter().zip(signals) {
            first.push(columns.len());
            let Some(mut measure) = self.frame_measure(planned) else { continue };
            let mut own = vec![Measured::default(); planned.frame.len()];
            for &start in starts {
                let values = measure.measure(&signal[start..start + self.span]);
                own.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
            }
            columns.extend(own);
        }
        for &(left, right) in &self.pairs {
            for band in 0..self.bands.len() {
                let sides = [left, right].map(|channel| &columns[first[channel] + band].values);
                let mut own = [Measured::default(), Measured::default()];
                for (&left, &right) in sides[0].iter().zip(sides[1]) {
                    let values = eeg::asymmetries(left, right);
                    own.iter_mut().zip(values).for_each(|(column, value)| column.push(Ok(value)));
                }
                columns.extend(own);
            }
        }
        columns
    }

    fn frame_measure(&self, planned: &Planned) -> Option<Box<dyn InFrames>> {
        match planned.channel.modality {
            Modality::Eeg => Some(Box::new(eeg::Eeg::new(self.span, self.rate, &self.bands))),
            Modality::Eog => Some(Box::new(eog::SlowPower::new(self.span, self.rate))),
            Modality::Emg => Some(Box::new(emg::Emg::new(self.span, self.rate))),
            _ => None,
        }
    }

    /// The columns of all quantities of windows.
    fn in_windows(&self, signals: &[&[f64]], cut: &Cut) -> Vec<Measured> {
        let mut columns = Vec::new();
        for (planned, signal) in self.channels.iter().zip(signals) {
            let mut own = vec![Measured::default(); planned.window.len()];
            if planned.window.iter().any(|quantity| self.has(quantity)) {
                let measure = self.window_measure(planned, signal);
                for &start in &cut.starts {
                    let values = match &measure {
                        Ok(measure) => measure.measure(self.around(start, &cut.usable)),
                        Err(why) => vec![Err(why.clone()); own.len()],
                    };
                    own.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
                }
            }
            columns.extend(own);
        }
        columns
    }

    /// The window around a frame, moved so that it stays inside the usable samples.
    fn around(&self, start: usize, usable: &Range<usize>) -> Range<usize> {
        let from = (start + self.span / 2).saturating_sub(self.window / 2);
        let from = from.clamp(usable.start, usable.end - self.window);
        from..from + self.window
    }

    /// Filters and searches a slow signal, or says why it cannot be.
    fn window_measure<'a>(
        &self,
        planned: &Planned,
        signal: &'a [f64],
    ) -> Result<Box<dyn InWindows + 'a>, String> {
        let not_finite = signal.iter().filter(|x| !x.is_finite()).count();
        if not_finite > 0 {
            return Err(format!("{not_finite} of {} samples are not finite", signal.len()));
        }
        Ok(match planned.channel.modality {
            Modality::Eog => Box::new(eog::Blinks::of(signal, self.rate)),
            Modality::Gsr => {
                let unit = self.spec.gsr.expect("a plan with a skin channel has its unit");
                Box::new(gsr::Skin::of(&gsr::conductance(signal, unit)?, self.rate))
            }
            Modality::Pleth => Box::new(pulse::Pulse::of(signal, self.rate)),
            Modality::Resp => Box::new(resp::Respiration::of(signal, self.rate)),
            Modality::Temp => Box::new(temp::Temperature::of(signal, self.rate)),
            Modality::Eeg | Modality::Emg | Modality::Other => {
                unreachable!("a {} channel has no quantity of windows", planned.channel.modality.name())
            }
        })
    }
}

/// The samples by which the longest filter extends a signal.
const LEAST: usize = 39;

/// The quantities of frames and those of windows.
fn quantities(modality: Modality, bands: &[Band]) -> (Vec<Quantity>, Vec<Quantity>) {
    match modality {
        Modality::Eeg => (eeg::quantities(bands), Vec::new()),
        Modality::Eog => (eog::frame_quantities(), eog::window_quantities()),
        Modality::Emg => (emg::quantities(), Vec::new()),
        Modality::Gsr => (Vec::new(), gsr::quantities()),
        Modality::Pleth => (Vec::new(), pulse::quantities()),
        Modality::Resp => (Vec::new(), resp::quantities()),
        Modality::Temp => (Vec::new(), temp::quantities()),
        Modality::Other => (Vec::new(), Vec::new()),
    }
}

/// The highest frequency in Hz that the quantities of windows need.
fn highest(modality: Modality) -> Option<f64> {
    match modality {
        Modality::Eog => Some(eog::HIGHEST),
        Modality::Gsr => Some(gsr::HIGHEST),
        Modality::Pleth => Some(pulse::HIGHEST),
        Modality::Resp => Some(resp::HIGHEST),
        Modality::Temp => Some(0.0),
        Modality::Eeg | Modality::Emg | Modality::Other => None,
    }
}

fn feature(channel: &Channel, quantity: &Quantity, pair: Option<[String; 2]>) -> Feature {
    Feature {
        name: format!("{} {} [{}]", channel.name, quantity.name, quantity.unit),
        channel: channel.clone(),
        band: quantity.band.clone(),
        family: Some(quantity.family),
        pair,
    }
}
