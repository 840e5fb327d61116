//! The verdict in words.

use super::{AboveChance, Bar, Conclusion, GLOBAL, Unit, Verdict};

impl Verdict {
    pub(super) fn paragraphs(&self) -> Vec<String> {
        let mut parts = vec![self.about_accuracy(), self.about_chance()];
        parts.extend_from_slice(&self.permutation);
        parts.extend([self.about_intervals(), self.about_context()]);
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }

    fn about_accuracy(&self) -> String {
        let mut text = match self.conclusion {
            Conclusion::Better => {
                "By accuracy, the network is better than one can be without reading a signal."
            }
            _ => {
                "By accuracy, the network is not shown to be better than one can be without reading a signal."
            }
        }
        .to_string();
        text += &format!(" Its accuracy is {:.3}.", self.accuracy);
        let mut guessing_is_said = false;
        for bar in &self.bars {
            let answer = match bar.name.as_str() {
                GLOBAL => "always answering with the most frequent training class",
                _ => "always answering with the person's own most frequent training class",
            };
            if !bar.is_guessing() {
                text += &format!(" {} gives {:.3}: {}.", capitalized(answer), bar.rule, bar.describe());
            } else if !guessing_is_said {
                guessing_is_said = true;
                text += &format!(" Guessing gives {:.3}: {}.", bar.accuracy, bar.describe());
                text += &format!(" ({} gives less, {:.3}.)", capitalized(answer), bar.rule);
            }
        }
        if self.conclusion == Conclusion::NotShown {
            text += match self.bars.iter().any(|bar| bar.interval[1] < 0.0) {
                true => {
                    " It is worse than one can be without reading a signal: an interval lies below 0 throughout."
                }
                false => " A difference whose interval reaches down to 0 can be chance.",
            };
        }
        text
    }

    fn about_chance(&self) -> String {
        let scores = [
            ("Balanced accuracy, in which every class counts alike,", "several", &self.balanced_accuracy),
            ("AUC, which asks whether the right class gets the higher probability,", "all", &self.auc),
        ];
        let scores: Vec<_> = scores
            .into_iter()
            .filter_map(|(name, which, score)| Some((name, which, score.as_ref()?)))
            .collect();
        let lead = match self.conclusion {
            _ if !scores.iter().any(|(_, _, score)| score.above) => None,
            Conclusion::NotShown => Some("But it tells the classes apart better than chance.".to_string()),
            _ => Some("It also tells the classes apart better than chance.".to_string()),
        };
        let all = (self.unit == Unit::Subject).then_some(self.units);
        let sentences = scores.into_iter().map(|(name, which, score)| score.sentence(name, which, all));
        lead.into_iter().chain(sentences).collect::<Vec<_>>().join(" ")
    }

    fn about_intervals(&self) -> String {
        let overlap = self.folds > 1;
        let (n, of_all) = (self.units, "In brackets: 95 % intervals");
        let mut text = match self.unit {
            Unit::Subject => {
                let mut text = format!("{of_all} over {n} subjects, each of whom counts alike");
                text += &match self.stimuli {
                    None => ".".to_string(),
                    Some(stimuli) => format!(
                        ", and over the {stimuli} stimuli that they share: the scores of two people on one stimulus are not \
                         independent."
                    ),
                };
                if overlap {
                    text += " They cannot know that the folds share training data: in simulations of leave-one-subject-out, such \
                             intervals hold the true value in about 87 % of studies, not 95 % (see Bengio and Grandvalet 2004).";
                }
                text
            }
            Unit::Trial => {
                let mut text = match self.people_are_known {
                    true => {
                        format!(
                            "{of_all} over {n} trials of one person. They say nothing about other people."
                        )
                    }
                    false => format!(
                        "{of_all} over {n} trials. Nobody knows whose they are: they say nothing about new people."
                    ),
                };
                if let Some(stimuli) = self.stimuli {
                    text += &format!(" They count that these trials share {stimuli} stimuli.");
                }
                if overlap {
                    text += " They cannot know that the folds share training data, so they are somewhat too narrow (Bengio and \
                             Grandvalet 2004).";
                }
                text
            }
        };
        if overlap && !self.permutation.is_empty() {
            text += " The p above needs no such caution.";
        }
        text
    }

    fn about_context(&self) -> String {
        if self.context.is_empty() {
            return String::new();
        }
        let meaning = |name: &str| match name {
            "subject oracle" => "each person's most frequent answer in the test",
            _ => "the other people's ratings of the same stimulus",
        };
        let each: Vec<String> = self
            .context
            .iter()
            .map(|c| format!("{} would give {:.3} ({})", meaning(&c.name), c.accuracy, c.name))
            .collect();
        format!(
            "For context only, because nobody knows it beforehand: knowing {}.",
            each.join(", and knowing ")
        )
    }
}

impl Bar {
    fn describe(&self) -> String {
        let [low, high] = self.interval.map(signed);
        format!("a difference of {} [{low}, {high}]", signed(self.difference))
    }
}

impl AboveChance {
    /// `all` is the number of all subjects, if there are several; those with the score have trials of `which`
    /// classes.
    fn sentence(&self, name: &str, which: &str, all: Option<usize>) -> String {
        let AboveChance { score, chance, units, .. } = self;
        let of = all.filter(|all| units < all);
        let of = of.map_or(String::new(), |all| {
            format!(" over the {units} of {all} subjects who have {which} classes")
        });
        match (self.interval, self.above) {
            (None, _) => format!("{name} is {score:.3}{of} without an interval; guessing gives {chance:.3}."),
            (Some([low, high]), above) => format!(
                "{name} is {score:.3} [{low:.3}, {high:.3}]{of}. Guessing gives {chance:.3}, so it is {}above chance.",
                if above { "" } else { "not shown to be " }
            ),
        }
    }
}

/// Three digits with their sign, and none for 0.
fn signed(value: f64) -> String {
    match format!("{value:+.3}").as_str() {
        "+0.000" | "-0.000" => "0.000".into(),
        other => other.into(),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
