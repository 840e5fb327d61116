//! From what is known about a trial to a class.

use super::recording::Target;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What is to be recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LabelScheme {
    /// Low or high valence (pleasantness).
    Valence,
    /// Low or high arousal (excitement).
    Arousal,
    /// Low or high dominance (control).
    Dominance,
    /// Low or high liking of the video.
    Liking,
    /// Valence and arousal together: HVHA, HVLA, LVHA, LVLA.
    Quadrant,
    /// The classes that the data set itself names.
    Class,
}

/// On which side of the threshold a rating exactly on it falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TieRule {
    /// High means rating > threshold.
    Above,
    /// High means rating >= threshold.
    AtLeast,
}

/// How ratings become classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    pub scheme: LabelScheme,
    /// On the ratings' scale from 1 to 9.
    pub threshold: f64,
    pub rule: TieRule,
    /// Trials whose rating is closer to the threshold than this are left out; 0 keeps all.
    pub dead_zone: f64,
}

impl Labels {
    /// The rule in words, for reports.
    pub fn describe(&self) -> String {
        let sign = match self.rule {
            TieRule::Above => ">",
            TieRule::AtLeast => ">=",
        };
        let zone = match self.dead_zone {
            0.0 => String::new(),
            zone => format!(", trials closer than {zone} to it left out"),
        };
        let rule = format!("high means rating {sign} {}{zone}", self.threshold);
        match self.scheme {
            LabelScheme::Class => "the data set's own classes".into(),
            LabelScheme::Quadrant => format!("valence and arousal quadrants, {rule}"),
            scheme => format!("{}, {rule}", rating(scheme).1),
        }
    }

    /// Class names; `own` are those of the data set.
    pub fn classes(&self, own: &[String]) -> Vec<String> {
        match self.scheme {
            LabelScheme::Class => own.to_vec(),
            LabelScheme::Quadrant => ["HVHA", "HVLA", "LVHA", "LVLA"].map(String::from).to_vec(),
            _ => ["low", "high"].map(String::from).to_vec(),
        }
    }

    /// The class of a trial; `None` if the scheme leaves it out.
    pub fn class(&self, target: &Target) -> Result<Option<u32>> {
        match (self.scheme, target) {
            (LabelScheme::Class, Target::Class(class)) => Ok(Some(*class)),
            (LabelScheme::Quadrant, Target::Ratings(ratings)) => Ok(self
                .high(ratings[0])
                .zip(self.high(ratings[1]))
                .map(|(valence, arousal)| u32::from(!valence) * 2 + u32::from(!arousal))),
            (_, Target::Unknown) => {
                Err(Error::data("these data have no labels").hint("unlabeled data can only be predicted"))
            }
            (LabelScheme::Class, _) => Err(Error::config("these data have ratings, not classes")
                .hint("choose `--label valence`, `arousal`, `dominance`, `liking` or `quadrant`")),
            (_, Target::Class(_)) => {
                Err(Error::config("these data have classes, not ratings").hint("choose `--label class`"))
            }
            (scheme, Target::Ratings(ratings)) => Ok(self.high(ratings[rating(scheme).0]).map(u32::from)),
        }
    }

    /// Whether a rating is high; `None` inside the dead zone.
    fn high(&self, rating: f32) -> Option<bool> {
        let rating = f64::from(rating);
        // Ratings have two decimals; compare them as such, not as what `f32` makes of them.
        let rating = (rating * 100.0).round() / 100.0;
        if self.dead_zone > 0.0 && (rating - self.threshold).abs() < self.dead_zone {
            return None;
        }
        Some(match self.rule {
            TieRule::Above => rating > self.threshold,
            TieRule::AtLeast => rating >= self.threshold,
        })
    }
}

/// Index in [`Target::Ratings`] and name.
fn rating(scheme: LabelScheme) -> (usize, &'static str) {
    match scheme {
        LabelScheme::Valence | LabelScheme::Quadrant | LabelScheme::Class => (0, "valence"),
        LabelScheme::Arousal => (1, "arousal"),
        LabelScheme::Dominance => (2, "dominance"),
        LabelScheme::Liking => (3, "liking"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scheme: LabelScheme, rule: TieRule, dead_zone: f64) -> Labels {
        Labels { scheme, threshold: 5.0, rule, dead_zone }
    }

    #[test]
    fn ties_fall_as_the_rule_says() {
        let five = Target::Ratings([5.0, 5.0, 5.01, 4.99]);
        let class = |scheme, rule, zone| labels(scheme, rule, zone).class(&five).unwrap();
        assert_eq!(class(LabelScheme::Valence, TieRule::Above, 0.0), Some(0));
        assert_eq!(class(LabelScheme::Valence, TieRule::AtLeast, 0.0), Some(1));
        assert_eq!(class(LabelScheme::Dominance, TieRule::Above, 0.0), Some(1));
        assert_eq!(class(LabelScheme::Liking, TieRule::AtLeast, 0.0), Some(0));
        assert_eq!(class(LabelScheme::Liking, TieRule::Above, 0.5), None);
    }

    #[test]
    fn quadrants_are_in_the_original_order() {
        let quadrant = |valence, arousal| {
            let target = Target::Ratings([valence, arousal, 1.0, 1.0]);
            labels(LabelScheme::Quadrant, TieRule::Above, 0.0).class(&target).unwrap().unwrap()
        };
        assert_eq!(
            [quadrant(9.0, 9.0), quadrant(9.0, 1.0), quadrant(1.0, 9.0), quadrant(1.0, 1.0)],
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn ratings_and_classes_do_not_mix() {
        let valence = labels(LabelScheme::Valence, TieRule::Above, 0.0);
        assert!(valence.class(&Target::Class(1)).unwrap_err().hint.unwrap().contains("--label class"));
        assert!(labels(LabelScheme::Class, TieRule::Above, 0.0).class(&Target::Ratings([1.0; 4])).is_err());
        assert!(valence.class(&Target::Unknown).is_err());
    }
}
