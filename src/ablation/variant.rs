//! The variants of an ablation.

use crate::data::feature::{Feature, GroupBy, groups, left_out};
use crate::error::{Error, Result};

/// The features that a network sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// `all`, `only eeg` or `without eeg`.
    pub name: String,
    /// The groups that it does not see.
    pub leave_out: Vec<String>,
}

impl Variant {
    /// The name of its run folder: `only-eeg`.
    pub fn folder(&self) -> String {
        self.name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
            .collect()
    }
}

/// All features, each group of them alone, and all but each group; without the features that `unseen` leaves
/// out of every variant.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is but one group, or none.
pub fn variants(features: &[Feature], unseen: &[String], by: GroupBy) -> Result<Vec<Variant>> {
    let unseen = left_out(features, unseen)?;
    let seen: Vec<Feature> = (0..features.len())
        .filter(|index| !unseen.contains(index))
        .map(|index| features[index].clone())
        .collect();
    let names: Vec<String> = groups(&seen, by).into_iter().map(|(name, _)| name).collect();
    if names.len() < 2 {
        let found = names.first().map_or("none".to_string(), |name| format!("only {name}"));
        return Err(Error::config(format!("an ablation by {} needs at least two groups, and there is {found}", by.name()))
            .hint("choose more `channels`, for instance `channels = eeg,eog,emg`, or another property: `engine ablate --by band`"));
    }
    // A feature of no group would be in every variant. An asymmetry goes with either of its channels.
    let alone = seen.iter().find(|feature| feature.group(by).is_none() && feature.pair.is_none());
    if let Some(feature) = alone {
        return Err(Error::config(format!(
            "an ablation by {}, and {} belongs to none",
            by.name(),
            feature.name
        ))
        .hint("leave such features out with `leave_out` or `families`, or ablate by another property"));
    }
    let all_but = |kept: &String| names.iter().filter(|name| *name != kept).cloned().collect();
    let mut variants = vec![Variant { name: "all".into(), leave_out: Vec::new() }];
    variants
        .extend(names.iter().map(|name| Variant { name: format!("only {name}"), leave_out: all_but(name) }));
    // Of two groups, each alone is the other left out.
    if names.len() > 2 {
        let without =
            |name: &String| Variant { name: format!("without {name}"), leave_out: vec![name.clone()] };
        variants.extend(names.iter().map(without));
    }
    let folders: Vec<String> = variants.iter().map(|variant| variant.folder().to_lowercase()).collect();
    let same = (0..folders.len()).find(|&i| folders[..i].contains(&folders[i]));
    match same {
        None => Ok(variants),
        Some(i) => Err(Error::config(format!(
            "two variants would have the run folder {}: {:?} and another",
            folders[i], variants[i].name
        ))
        .hint("give the channels names that differ in letters or digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::recording::{Channel, Modality};

    fn features(modalities: &[Modality]) -> Vec<Feature> {
        let feature = |(i, &modality): (usize, &Modality)| {
            let name = format!("c{i}");
            Feature {
                name: name.clone(),
                channel: Channel { name, modality },
                band: None,
                family: None,
                pair: None,
            }
        };
        modalities.iter().enumerate().map(feature).collect()
    }

    #[test]
    fn each_group_is_alone_and_left_out() {
        let three = features(&[Modality::Eeg, Modality::Eeg, Modality::Eog, Modality::Emg]);
        let found = variants(&three, &[], GroupBy::Modality).unwrap();
        let names: Vec<&str> = found.iter().map(|v| v.name.as_str()).collect();
        assert_eq!(
            names,
            ["all", "only eeg", "only eog", "only emg", "without eeg", "without eog", "without emg"]
        );
        assert_eq!(found[2].leave_out, ["eeg", "emg"]);
        assert_eq!(found[4].leave_out, ["eeg"]);
        assert_eq!(found[4].folder(), "without-eeg");
        // Two groups have each variant once, and what is never seen is no group.
        let two = variants(&three, &["emg".into()], GroupBy::Modality).unwrap();
        assert_eq!(two.len(), 3);
        let error = variants(&three, &["emg".into(), "eog".into()], GroupBy::Modality).unwrap_err();
        assert!(error.message.contains("needs at least two groups, and there is only eeg"), "{error}");
        let mut mixed = three.clone();
        mixed.iter_mut().zip(["theta", "alpha", "beta"]).for_each(|(f, band)| f.band = Some(band.into()));
        let error = variants(&mixed, &[], GroupBy::Band).unwrap_err();
        assert!(error.message.contains("c3 belongs to none"), "{error}");
        let mut same = three.clone();
        same[0].channel.name = "EEG 1".into();
        same[1].channel.name = "EEG-1".into();
        assert!(
            variants(&same, &[], GroupBy::Channel).unwrap_err().message.contains("run folder only-eeg-1")
        );
        assert!(variants(&three, &[], GroupBy::Band).unwrap_err().message.contains("there is none"));
    }
}
