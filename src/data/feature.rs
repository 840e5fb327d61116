//! The columns of the frame table: the channel, modality, band and region that each comes from.

use super::features::Family;
use super::recording::{Channel, Modality};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The origin of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name: `Fp1 theta`.
    pub name: String,
    /// The channel that it is computed from.
    pub channel: Channel,
    /// The name of its frequency band; `None` for samples.
    pub band: Option<String>,
    /// The family of a feature by modality; `None` for samples and band power.
    pub family: Option<Family>,
    /// The left and the right channel of an asymmetry.
    pub pair: Option<[String; 2]>,
}

/// A property by which features form groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// The kind of signal: eeg, eog, emg ...
    Modality,
    /// The channel.
    Channel,
    /// The frequency band.
    Band,
    /// The region of the scalp: frontal, central, temporal, parietal, occipital, or scalp for other
    /// electrodes; other signals by modality.
    Region,
    /// The family of a feature by modality: entropy, heart-rate ...
    Family,
}

impl GroupBy {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            GroupBy::Modality => "modality",
            GroupBy::Channel => "channel",
            GroupBy::Band => "band",
            GroupBy::Region => "region",
            GroupBy::Family => "family",
        }
    }
}

impl Feature {
    /// The group that it belongs to; `None` for a sample by band, and for an asymmetry by channel, which is
    /// left out with either of its channels.
    pub fn group(&self, by: GroupBy) -> Option<String> {
        match by {
            GroupBy::Modality => Some(self.channel.modality.name().into()),
            GroupBy::Channel => self.pair.is_none().then(|| self.channel.name.clone()),
            GroupBy::Band => self.band.clone(),
            GroupBy::Region => Some(self.region()),
            GroupBy::Family => self.family.map(|family| family.name().into()),
        }
    }

    /// The region under an electrode of the 10-20 system, by the letters of its name; the modality of other
    /// signals.
    fn region(&self) -> String {
        // The two electrodes of an asymmetry are at mirrored places.
        let name = self.pair.as_ref().map_or(&self.channel.name, |[left, _]| left);
        let letters: String =
            name.trim_end_matches(|c: char| c.is_ascii_digit() || "zZ".contains(c)).to_lowercase();
        let region = match letters.as_str() {
            "fp" | "af" | "f" => "frontal",
            "fc" | "c" => "central",
            "ft" | "t" | "tp" => "temporal",
            "cp" | "p" => "parietal",
            "po" | "o" | "i" => "occipital",
            // No name of a modality: that would be all of EEG.
            _ => "scalp",
        };
        match self.channel.modality {
            Modality::Eeg => region.into(),
            modality => modality.name().into(),
        }
    }

    /// Whether the word names it, its channel, or a group that it belongs to. Case does not matter.
    fn is(&self, word: &str) -> bool {
        let groups = [GroupBy::Modality, GroupBy::Channel, GroupBy::Band, GroupBy::Region, GroupBy::Family];
        let groups = groups.iter().filter_map(|&by| self.group(by));
        let pair = self.pair.iter().flatten().cloned();
        // With or without its unit.
        let plain = self.name.split(" [").take(1).map(str::to_string);
        let own = [self.name.clone(), self.channel.name.clone()];
        groups.chain(pair).chain(plain).chain(own).any(|name| name.eq_ignore_ascii_case(word.trim()))
    }
}

/// The distinct groups of the features, in their order, each with the indices of its features.
pub fn groups(features: &[Feature], by: GroupBy) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (index, feature) in features.iter().enumerate() {
        let Some(name) = feature.group(by) else { continue };
        match groups.iter_mut().find(|(other, _)| *other == name) {
            Some((_, members)) => members.push(index),
            None => groups.push((name, vec![index])),
        }
    }
    groups
}

/// The indices of the features that `words` leave out: names of features, channels, modalities, bands,
/// regions or families.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a word that names none, and if no feature is left.
pub fn left_out(features: &[Feature], words: &[String]) -> Result<Vec<usize>> {
    if let Some(word) = words.iter().find(|word| !features.iter().any(|feature| feature.is(word))) {
        let mut names: Vec<String> = Vec::new();
        for by in [GroupBy::Modality, GroupBy::Region, GroupBy::Band, GroupBy::Family, GroupBy::Channel] {
            names.extend(groups(features, by).into_iter().map(|(name, _)| name));
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        return Err(Error::config(format!(
            "`leave_out`: no feature, channel, modality, band, region or family is called {word:?}"
        ))
        .hint(format!("there are {}", names.join(" "))));
    }
    let out: Vec<usize> =
        (0..features.len()).filter(|&i| words.iter().any(|word| features[i].is(word))).collect();
    match out.len() < features.len() || features.is_empty() {
        true => Ok(out),
        false => Err(Error::config("`leave_out` leaves no feature")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Vec<Feature> {
        let feature = |channel: &str, modality, band: &str| Feature {
            name: format!("{channel} {band}"),
            channel: Channel { name: channel.into(), modality },
            band: Some(band.into()),
            family: None,
            pair: None,
        };
        ["Fp1", "Cz", "POz"]
            .into_iter()
            .flat_map(|name| ["theta", "alpha"].map(|band| feature(name, Modality::Eeg, band)))
            .chain([feature("vEOG", Modality::Eog, "theta")])
            .collect()
    }

    #[test]
    fn features_group_by_what_they_come_from() {
        let names = |by| groups(&features(), by).into_iter().map(|(name, members)| (name, members.len()));
        let of = |by| names(by).map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ");
        assert_eq!(of(GroupBy::Modality), "eeg 6, eog 1");
        assert_eq!(of(GroupBy::Channel), "Fp1 2, Cz 2, POz 2, vEOG 1");
        assert_eq!(of(GroupBy::Band), "theta 4, alpha 3");
        assert_eq!(of(GroupBy::Region), "frontal 2, central 2, occipital 2, eog 1");
    }

    #[test]
    fn words_leave_out_what_they_name() {
        let out = |words: &[&str]| {
            left_out(&features(), &words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(out(&["EOG"]).unwrap(), [6]);
        assert_eq!(out(&[" Cz ", "Fp1 theta"]).unwrap(), [0, 2, 3]);
        assert_eq!(out(&["alpha", "frontal"]).unwrap(), [0, 1, 3, 5]);
        assert!(out(&[]).unwrap().is_empty());
        let asymmetry = Feature {
            name: "F3-F4 alpha asymmetry [nats]".into(),
            channel: Channel { name: "F3-F4".into(), modality: Modality::Eeg },
            band: Some("alpha".into()),
            family: Some(Family::Asymmetry),
            pair: Some(["F3".into(), "F4".into()]),
        };
        for word in ["F4", "F3-F4", "asymmetry", "F3-F4 alpha asymmetry", "alpha", "frontal"] {
            assert!(asymmetry.is(word), "{word}");
        }
        assert_eq!(asymmetry.group(GroupBy::Channel), None, "it is left out with a channel");
        assert!(out(&["gamma"]).unwrap_err().hint.unwrap().contains("theta alpha"));
        assert!(out(&["eeg", "eog"]).unwrap_err().message.contains("leaves no feature"));
    }
}
