//! From the ratings of a trial to its class.

use super::recording::Target;
use crate::error::{Error, Result};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The label to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
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
    /// The scale of the ratings; `None` for data that have none.
    pub scale: Option<RatingScale>,
    /// The rating that separates low from high.
    pub threshold: f64,
    /// The class of a rating that equals the threshold.
    pub rule: TieRule,
    /// Trials whose rating is closer to the threshold than this are left out; 0 leaves out none.
    pub dead_zone: f64,
}

/// The lowest and the highest rating, written `1-9`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatingScale {
    /// The lowest rating.
    pub low: f64,
    /// The highest rating.
    pub high: f64,
}

impl RatingScale {
    /// DEAP's.
    pub const NINE: RatingScale = RatingScale { low: 1.0, high: 9.0 };

    /// The rating in its middle.
    pub fn middle(self) -> f64 {
        (self.low + self.high) / 2.0
    }

    /// Whether it has the rating.
    pub fn contains(self, rating: f64) -> bool {
        (self.low..=self.high).contains(&rating)
    }
}

impl fmt::Display for RatingScale {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-{}", self.low, self.high)
    }
}

impl FromStr for RatingScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no scale, expected the lowest and the highest rating such as 1-9");
        // The lowest rating may have a sign.
        let dash =
            text.char_indices().skip(1).find(|&(_, c)| c == '-').map(|(at, _)| at).ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(wrong);
        let (low, high) = (number(&text[..dash])?, number(&text[dash + 1..])?);
        if low < high { Ok(RatingScale { low, high }) } else { Err(wrong()) }
    }
}

impl Serialize for RatingScale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RatingScale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
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
                .high(LabelScheme::Valence, ratings)?
                .zip(self.high(LabelScheme::Arousal, ratings)?)
                .map(|(valence, arousal)| u32::from(!valence) * 2 + u32::from(!arousal))),
            (_, None, None) => Err(Error::data("these data have no labels")
                .hint("a trained model can predict them; training needs labels")),
            (LabelScheme::Class, None, _) => Err(Error::config("these data have ratings, not classes")
                .hint("use `label = valence`, or arousal, dominance, liking or quadrant")),
            (_, _, None) => {
                Err(Error::config("these data have classes, not ratings").hint("use `label = class`"))
            }
            (scheme, _, Some(ratings)) => Ok(self.high(scheme, ratings)?.map(u32::from)),
        }
    }

    /// Whether the rating of a scheme is high; `None` inside the dead zone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a rating that the data do not have, or whose scale
    /// is unknown; [`ErrorKind::Data`](crate::ErrorKind::Data) for one that is not on the scale.
    fn high(&self, scheme: LabelScheme, ratings: [f32; 4]) -> Result<Option<bool>> {
        let (index, name) = rating(scheme);
        let rating = f64::from(ratings[index]);
        if rating.is_nan() {
            return Err(Error::config(format!("these data have no column for {name} in their ratings"))
                .hint("use `label = valence` or another label whose column the array \"ratings\" has"));
        }
        // Ratings have two decimals. Rounding removes the error of `f32` before any comparison.
        let rating = (rating * 100.0).round() / 100.0;
        let scale = self.scale.ok_or_else(|| {
            Error::config("the scale of these ratings is unknown")
                .hint("give the lowest and the highest rating: `scale_range = 1-9`")
        })?;
        if !scale.contains(rating) {
            return Err(Error::data(format!(
                "a rating of {rating}, expected {} to {}",
                scale.low, scale.high
            ))
            .hint("give the scale of these ratings as `scale_range`, or correct them"));
        }
        // In whole numbers, since 5.3 - 5 is less than 0.3 in binary fractions.
        let whole = |x: f64| (x * UNITS).round() as i64;
        let (rating, threshold, zone) = (whole(rating), whole(self.threshold), whole(self.dead_zone));
        if (rating - threshold).abs() < zone {
            return Ok(None);
        }
        Ok(Some(match self.rule {
            TieRule::Above => rating > threshold,
            TieRule::AtLeast => rating >= threshold,
        }))
    }
}

/// Comparisons of ratings are exact to one part in so many.
const UNITS: f64 = 1e6;

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
        Labels { scheme, scale: Some(RatingScale::NINE), threshold: 5.0, rule, dead_zone }
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

    /// Ratings at the edge of the dead zone are kept, whatever binary fractions say.
    #[test]
    fn the_edge_of_a_dead_zone_is_exact() {
        for hundredths in 1..=400 {
            let zone = f64::from(hundredths) / 100.0;
            let mut rule = labels(LabelScheme::Valence, TieRule::Above, zone);
            for side in [-1, 1] {
                let rating =
                    |distance: i32| Target::Ratings([(500 + side * distance) as f32 / 100.0, 1.0, 1.0, 1.0]);
                assert_eq!(
                    rule.class(&rating(hundredths)).unwrap(),
                    Some(u32::from(side > 0)),
                    "zone {zone}"
                );
                assert_eq!(rule.class(&rating(hundredths - 1)).unwrap(), None, "zone {zone}");
            }
            // And so are ties with any threshold.
            rule = Labels { threshold: 1.0 + zone, dead_zone: 0.0, ..rule };
            let tie = Target::Ratings([(100 + hundredths) as f32 / 100.0, 1.0, 1.0, 1.0]);
            assert_eq!(rule.class(&tie).unwrap(), Some(0));
            assert_eq!(Labels { rule: TieRule::AtLeast, ..rule }.class(&tie).unwrap(), Some(1));
        }
    }

    #[test]
    fn ratings_off_the_scale_are_refused_and_scales_are_read() {
        let rating = |rating| Target::Ratings([rating, 1.0, 1.0, 1.0]);
        let five = Labels {
            scale: Some("1-5".parse().unwrap()),
            threshold: 3.0,
            ..labels(LabelScheme::Valence, TieRule::Above, 0.0)
        };
        assert_eq!(five.class(&rating(5.0)).unwrap(), Some(1));
        assert!(five.class(&rating(5.5)).unwrap_err().message.contains("a rating of 5.5, expected 1 to 5"));
        assert!(five.class(&rating(f32::NAN)).is_err());
        let unknown = Labels { scale: None, ..five }.class(&rating(5.0)).unwrap_err();
        assert!(unknown.hint.unwrap().contains("scale_range"));
        assert_eq!("-3 - 3".parse::<RatingScale>().unwrap(), RatingScale { low: -3.0, high: 3.0 });
        assert_eq!("0-100".parse::<RatingScale>().unwrap().middle(), 50.0);
        for text in ["", "5", "9-1", "1-1", "a-b", "1-inf"] {
            assert!(text.parse::<RatingScale>().is_err(), "{text}");
        }
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
