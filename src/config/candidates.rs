//! The candidates of a choice of settings inside the folds: every combination of the values.

use super::axis::{Axis, Options};
use super::network::NetworkConfig;
use super::resolve::option_named;
use super::sections::Config;
use super::training::TrainingConfig;
use super::tuning::TuningConfig;
use crate::error::{Error, Result};
use clap::{Args, Command};

/// Most candidates of a choice.
const MOST: usize = 1000;

impl Config {
    /// The candidates among which each fold chooses: the options and values of each, and the complete
    /// configuration of a run with them. None without a choice. The first option changes last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a text of another form, for an option that is not
    /// one of the network or the training, for a single candidate, and for two that are the same training.
    pub fn candidates(&self) -> Result<Vec<(Options, Config)>> {
        if self.tuning.tune.is_empty() {
            return Ok(Vec::new());
        }
        let axes = self.tuning.tune.iter().map(|text| Axis::parse("tune", text));
        let axes = axes.collect::<Result<Vec<Axis>>>()?;
        Axis::distinct(&axes, "tune")?;
        axes.iter().try_for_each(|axis| refuse_others(&axis.option))?;
        let count = Axis::count(&axes);
        if !(2..=MOST).contains(&count) {
            return Err(Error::config(format!(
                "`tune` has {count} combination(s) of values, expected 2 to {MOST}"
            ))
            .hint("give the options several values, for instance `lr=1e-3,3e-4`"));
        }
        let base = Config { tuning: TuningConfig::default(), ..self.clone() };
        let mut candidates: Vec<(Options, Config)> = Vec::new();
        for options in Axis::combinations(&axes) {
            let place = || format!("tune {}", Axis::in_words(&options));
            let config = base.with_options(&options).map_err(|e| e.at("tune"))?;
            config.check().map_err(|e| e.at(place()))?;
            if let Some((same, _)) = candidates.iter().find(|(_, other)| *other == config) {
                let same = Axis::in_words(same);
                return Err(Error::config(format!("{} is the same training as {same}", place())));
            }
            candidates.push((options, config));
        }
        Ok(candidates)
    }
}

/// Refuses an option that may not differ between candidates. One that does not exist is refused elsewhere.
fn refuse_others(name: &str) -> Result<()> {
    let mut all = Config::augment_args(Command::new("engine"));
    all.build();
    let mut own = TrainingConfig::augment_args(NetworkConfig::augment_args(Command::new("engine")));
    own.build();
    let Some(option) = option_named(&all, name) else { return Ok(()) };
    let why = match option.get_id().as_str() {
        "seed" => "the best of several seeds is luck, which no other data repeat",
        "from" => "a candidate starts from random weights",
        _ if option_named(&own, name).is_some() => return Ok(()),
        _ => "all candidates have the same data, windows, labels and folds, on the same device",
    };
    Err(Error::config(format!("tune {name}: not a setting to choose inside the folds: {why}"))
        .hint("`tune` takes the options of the network and of the training"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(tune: &[&str]) -> Result<Vec<(Options, Config)>> {
        let mut config = Config::default();
        config.tuning.tune = tune.iter().map(ToString::to_string).collect();
        config.candidates()
    }

    #[test]
    fn candidates_are_plain_configurations_in_the_order_of_the_grid() {
        let all = candidates(&["hidden=32;64,32", "learning_rate=1e-3,3e-4"]).unwrap();
        let words: Vec<String> = all.iter().map(|(options, _)| Axis::in_words(options)).collect();
        assert_eq!(words[1], "hidden 32, learning_rate 3e-4");
        assert_eq!(words[2], "hidden 64,32, learning_rate 1e-3");
        let mut plain = Config::default();
        (plain.network.hidden, plain.training.learning_rate) = (vec![64, 32], 3e-4);
        assert_eq!(all[3].1, plain);
        assert!(candidates(&[]).unwrap().is_empty());
    }

    #[test]
    fn other_options_are_refused_with_the_reason() {
        for (tune, parts) in [
            (&["seed=1,2"][..], ["tune seed", "luck"]),
            (&["from=a,b"], ["tune from", "random weights"]),
            (&["window=1,2"], ["tune window", "same data"]),
            (&["isa=avx2,scalar"], ["tune isa", "same device"]),
            (&["lr=1e-3"], ["1 combination(s)", "2 to 1000"]),
            (&["lr=1e-3,0.001"], ["tune lr 0.001", "same training as lr 1e-3"]),
            (&["lr=1e-3,1e-4", "lr=1,2"], ["tune lr", "twice"]),
            (&["lr=1e-3,-1"], ["tune lr -1", "above 0"]),
            (&["hiden=1,2"], ["tune", "no option or key \"hiden\""]),
            (&["lr"], ["tune \"lr\"", "its values"]),
        ] {
            let error = candidates(tune).unwrap_err();
            assert!(parts.iter().all(|part| error.message.contains(part)), "{tune:?}: {error}");
        }
    }
}
