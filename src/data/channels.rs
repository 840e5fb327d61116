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
    let mut chosen = vec![false; channels.len()];
    for word in wanted {
        let mut found = false;
        for (channel, chosen) in channels.iter().zip(&mut chosen) {
            if word == "all" || word.eq_ignore_ascii_case(&channel.name) || word == channel.modality.name() {
                (*chosen, found) = (true, true);
            }
        }
        if !found {
            return Err(unknown(word, channels));
        }
    }
    Ok((0..channels.len()).filter(|&i| chosen[i]).collect())
}

fn unknown(word: &str, channels: &[Channel]) -> Error {
    let mut modalities: Vec<&str> = channels.iter().map(|channel| channel.modality.name()).collect();
    modalities.dedup();
    let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
    Error::config(format!("no channel or modality is called {word:?}")).hint(format!(
        "the modalities of these data are {}; the channels are {}",
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
        assert!(pick(&["Oz"]).unwrap_err().message.contains("\"Oz\""));
    }
}
