//! Selecting channels by name or by modality.

use super::recording::{Channel, Modality};
use crate::error::{Error, Result};

/// Indices of the channels that `wanted` names, in the order of the recording. `wanted` lists channel names,
/// modalities or `all`. An empty list means the EEG channels, or all channels if there are none.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a name that no channel or modality has.
pub fn select(channels: &[Channel], wanted: &[String]) -> Result<Vec<usize>> {
    let has_eeg = channels.iter().any(|channel| channel.modality == Modality::Eeg);
    let default = [if has_eeg { "eeg" } else { "all" }.to_string()];
    let wanted = if wanted.is_empty() { &default[..] } else { wanted };
    // A comma too many is no name.
    let words: Vec<&str> = wanted.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err(Error::config("`channels` names no channel")
            .hint("name channels or modalities, or leave `channels` out"));
    }
    let mut chosen = vec![false; channels.len()];
    for word in words {
        let mut found = false;
        for (channel, chosen) in channels.iter().zip(&mut chosen) {
            let names = ["all", channel.name.trim(), channel.modality.name()];
            if names.iter().any(|name| is_same(word, name)) {
                (*chosen, found) = (true, true);
            }
        }
        if !found {
            return Err(unknown(word, channels));
        }
    }
    Ok((0..channels.len()).filter(|&i| chosen[i]).collect())
}

/// Whether two words differ in nothing but case.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The least similarity of names that are worth a question.
const SIMILAR: f64 = 0.75;

fn unknown(word: &str, channels: &[Channel]) -> Error {
    let mut modalities: Vec<&str> = channels.iter().map(|channel| channel.modality.name()).collect();
    modalities.dedup();
    let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
    let likeness = |name: &str| strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase());
    let all = names.iter().chain(&modalities).chain(&["all"]).map(|name| (likeness(name), name));
    let nearest =
        all.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(likeness, _)| *likeness >= SIMILAR);
    let question = nearest.map_or(String::new(), |(_, name)| format!("did you mean {name}? "));
    Error::config(format!("no channel or modality is called {word:?}")).hint(format!(
        "{question}the modalities of these data are {}; the channels are {}",
        modalities.join(" "),
        names.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_modalities_mix_and_keep_the_recording_order() {
        let channel = |name: &str, modality| Channel { name: name.into(), modality };
        let channels =
            [channel("Fp1", Modality::Eeg), channel("GSR", Modality::Gsr), channel("Cz", Modality::Eeg)];
        let pick =
            |words: &[&str]| select(&channels, &words.iter().map(|w| w.to_string()).collect::<Vec<_>>());
        assert_eq!(pick(&[]).unwrap(), [0, 2]);
        assert_eq!(pick(&["gsr", "fp1"]).unwrap(), [0, 1]);
        assert_eq!(pick(&["all"]).unwrap(), [0, 1, 2]);
        assert_eq!(pick(&[" EEG", "Cz ", "eeg", ""]).unwrap(), [0, 2]);
        assert_eq!(pick(&["All", "GSR"]).unwrap(), [0, 1, 2]);
        assert!(pick(&["fp2"]).unwrap_err().hint.unwrap().contains("did you mean Fp1?"));
        assert!(pick(&[" "]).unwrap_err().message.contains("names no channel"));
        assert!(pick(&["Oz"]).unwrap_err().message.contains("\"Oz\""));
    }
}
