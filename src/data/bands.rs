//! Frequency bands, by which the power of a signal is measured.

use crate::error::{Error, Result};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A frequency band, written `theta=4-8`.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Its name in features: `Fp1 theta`.
    pub name: String,
    /// Lower limit in Hz, inclusive.
    pub low: f64,
    /// Upper limit in Hz, exclusive.
    pub high: f64,
}

/// The bands of studies on DEAP, whose EEG is filtered to 4 to 45 Hz.
pub fn default_bands() -> Vec<Band> {
    [("theta", 4.0, 8.0), ("alpha", 8.0, 14.0), ("beta", 14.0, 31.0), ("gamma", 31.0, 45.0)]
        .map(|(name, low, high)| Band { name: name.into(), low, high })
        .to_vec()
}

/// Refuses bands above half the sampling rate, and two of one name.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) with the band, and those that fit.
pub fn check_bands(bands: &[Band], rate: f64) -> Result<()> {
    if let Some((i, band)) =
        bands.iter().enumerate().find(|(i, band)| bands[..*i].iter().any(|b| b.name == band.name))
    {
        let first = bands[..i].iter().find(|b| b.name == band.name).unwrap_or(band);
        return Err(Error::config(format!("two bands have the name {}: {first} and {band}", band.name)));
    }
    let Some(high) = bands.iter().find(|band| band.high > rate / 2.0) else { return Ok(()) };
    let fitting: Vec<String> =
        bands.iter().filter(|band| band.high <= rate / 2.0).map(Band::to_string).collect();
    let way = match fitting.is_empty() {
        true => "use `frame_kind = raw`, or lower bands".to_string(),
        false => format!("use `bands = {}`, or `frame_kind = raw`", fitting.join(",")),
    };
    Err(Error::config(format!(
        "a rate of {rate} Hz cannot hold the {} band, {} to {} Hz: the highest frequency is {} Hz",
        high.name,
        high.low,
        high.high,
        rate / 2.0
    ))
    .hint(way))
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}={}-{}", self.name, self.low, self.high)
    }
}

impl FromStr for Band {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no band, expected a name and limits in Hz such as theta=4-8");
        let (name, limits) = text.split_once('=').ok_or_else(wrong)?;
        let (low, high) = limits.split_once('-').ok_or_else(wrong)?;
        let hertz =
            |text: &str| text.trim().trim_end_matches("Hz").trim_end().parse::<f64>().map_err(|_| wrong());
        let (name, low, high) = (name.trim().to_string(), hertz(low)?, hertz(high)?);
        let is_name = |c: char| c.is_alphanumeric() || "_-+".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(wrong());
        }
        match low > 0.0 && low < high && high.is_finite() {
            true => Ok(Band { name, low, high }),
            false => Err(format!("the band {text} must begin above 0 Hz and end above its beginning")),
        }
    }
}

impl Serialize for Band {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Band {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_written_as_they_are_read() {
        for text in ["theta=4-8", "low_gamma=31-45", "delta=0.5-4"] {
            assert_eq!(text.parse::<Band>().unwrap().to_string(), text);
        }
        assert_eq!(" theta = 4 - 8 Hz".parse::<Band>().unwrap().to_string(), "theta=4-8");
        for text in [
            "theta",
            "theta=4",
            "=4-8",
            "theta=8-4",
            "theta=4-4",
            "theta=0-4",
            "a b=1-2",
            "x=1-inf",
            "x=-1-4",
        ] {
            assert!(text.parse::<Band>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_names_the_bands_that_it_can_hold() {
        check_bands(&default_bands(), 90.0).unwrap();
        let error = check_bands(&default_bands(), 64.0).unwrap_err();
        assert!(
            error.message.contains("the gamma band, 31 to 45 Hz: the highest frequency is 32 Hz"),
            "{error}"
        );
        assert!(error.hint.unwrap().contains("`bands = theta=4-8,alpha=8-14,beta=14-31`"));
        let error = check_bands(&["a=1-2".parse().unwrap(), "a=2-3".parse().unwrap()], 64.0).unwrap_err();
        assert!(error.message.contains("two bands have the name a: a=1-2 and a=2-3"), "{error}");
    }
}
