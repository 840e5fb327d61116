//! From the ratings of a trial to its class.

use super::recording::Target;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The scale of ratings.
pub const SCALE: std::ops::RangeInclusive<f64> = 1.0..=9.0;

/// The label to predict.
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
    /// Four classes, high or low valence (V) with high or low arousal (A): HVHA, HVLA, LVHA, LVLA.
    Quadrant,
    /// The classes of the data set itself.
    Class,
}

/// The class of a rating that equals the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TieRule {
    /// Low (high means rating > threshold).
    Above,
    /// High (high means rating >= threshold).
    AtLeast,
}

/// How ratings become classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// The label to predict.
    pub scheme: LabelScheme,
    /// The rating that separates low from high, on the scale from 1 to 9.
    pub threshold: f64,
    /// The class of a rating that equals the threshold.
    pub rule: TieRule,
    /// Trials whose rating is closer to the threshold than this are left out; 0 leaves out none.
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

    /// The names of the classes. `own` are the class names of the data set.
    pub fn classes(&self, own: &[String]) -> Vec<String> {
        match self.scheme {
            LabelScheme::Class => own.to_vec(),
            LabelScheme::Quadrant => ["HVHA", "HVLA", "LVHA", "LVLA"].map(String::from).to_vec(),
            _ => ["low", "high"].map(String::from).to_vec(),
        }
    }

    /// The class of a trial; `None` if it is in the dead zone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the scheme needs ratings and the trial has a class,
    /// or the reverse; [`ErrorKind::Data`](crate::ErrorKind::Data) for a trial without label.
    pub fn class(&self, target: &Target) -> Result<Option<u32>> {
        match (self.scheme, target.class(), target.ratings()) {
            (LabelScheme::Class, Some(class), _) => Ok(Some(class)),
            (LabelScheme::Quadrant, _, Some(ratings)) => Ok(self
                .high(ratings[0])
                .zip(self.high(ratings[1]))
                .map(|(valence, arousal)| u32::from(!valence) * 2 + u32::from(!arousal))),
            (_, None, None) => Err(Error::data("these data have no labels")
                .hint("a trained model can predict them; training needs labels")),
            (LabelScheme::Class, None, _) => Err(Error::config("these data have ratings, not classes")
                .hint("use `label = valence`, or arousal, dominance, liking or quadrant")),
            (_, _, None) => {
                Err(Error::config("these data have classes, not ratings").hint("use `label = class`"))
            }
            (scheme, _, Some(ratings)) => {
                let (index, name) = rating(scheme);
                if ratings[index].is_nan() {
                    return Err(Error::config(format!(
                        "these data have no column for {name} in their ratings"
                    ))
                    .hint("use `label = valence` or another label whose column the array \"ratings\" has"));
                }
                Ok(self.high(ratings[index]).map(u32::from))
            }
        }
    }

    /// Whether a rating is high; `None` inside the dead zone.
    fn high(&self, rating: f32) -> Option<bool> {
        let rating = f64::from(rating);
        // Ratings have two decimals. Rounding removes the error of `f32` before the comparison.
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

/// Index of the rating in [`Target::Ratings`], and its name.
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
        assert!(valence.class(&Target::Class(1)).unwrap_err().hint.unwrap().contains("label = class"));
        assert!(labels(LabelScheme::Class, TieRule::Above, 0.0).class(&Target::Ratings([1.0; 4])).is_err());
        assert!(valence.class(&Target::Unknown).is_err());
    }
}
