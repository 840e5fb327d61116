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
    Ok(variants)
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
        assert!(variants(&three, &[], GroupBy::Band).unwrap_err().message.contains("there is none"));
    }
}
