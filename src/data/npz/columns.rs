//! Arrays with one element per window: classes, people, trials, stimuli, parts, lengths, ratings.

use super::fields::{CLASSES, Field, GROUPS, LABELS, LENGTHS, PARTS, RATING_SCALE, RATINGS, STIMULI, TRIALS};
use super::files::Files;
use crate::data::labels::RatingScale;
use crate::data::names::refuse_two_spellings;
use crate::data::npy::{Array, Values};
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// The names of the distinct values, and the index of each window's among them.
pub type Categories = (Vec<String>, Vec<usize>);

/// The arrays of `n` windows.
pub struct Columns<'a> {
    pub files: &'a Files,
    pub n: usize,
}

impl Columns<'_> {
    /// The classes in their order, ascending unless an array says otherwise, and each window's class.
    pub fn classes(&self) -> Result<Option<Categories>> {
        let order = self.read(&CLASSES, |array| match array.shape[..] {
            [count] => order(vector(array, count)?),
            _ => Err(Error::data(format!("shape {:?}, expected one element per class", array.shape))),
        })?;
        self.read(&LABELS, |array| {
            if let Some(error) = one_hot(&array, self.n) {
                return Err(error);
            }
            let (found, indices) = categories(vector(array, self.n)?)?;
            let Some(order) = order else { return Ok((found, indices)) };
            let place = |name: &String| {
                order.iter().position(|class| class == name).ok_or_else(|| {
                    Error::data(format!(
                        "class {name:?}, expected one of {order:?} as in the array \"classes\""
                    ))
                })
            };
            let places: Vec<usize> = found.iter().map(place).collect::<Result<_>>()?;
            Ok((order.clone(), indices.into_iter().map(|index| places[index]).collect()))
        })
    }

    /// The names of the people in ascending order, and each window's person. Blanks around a name are not
    /// part of it.
    pub fn people(&self) -> Result<Option<Categories>> {
        self.read(&GROUPS, |array| {
            let (names, indices) = categories(vector(array, self.n)?)?;
            refuse_two_spellings(names.iter().map(String::as_str))?;
            Ok((names, indices))
        })
    }

    /// The trial numbers.
    pub fn trials(&self) -> Result<Option<Vec<u32>>> {
        self.read(&TRIALS, |array| match vector(array, self.n)? {
            Values::Integer(numbers) => numbers.into_iter().map(index).collect(),
            other => Err(Error::data(format!("{}, expected integers", other.kind()))),
        })
    }

    /// The numbers of the stimuli: their own, or those of their names in ascending order.
    pub fn stimuli(&self) -> Result<Option<Vec<u32>>> {
        self.read(&STIMULI, |array| match vector(array, self.n)? {
            Values::Integer(numbers) => numbers.into_iter().map(index).collect(),
            names => {
                let (_, indices) = categories(names)?;
                Ok(indices.into_iter().map(|index| index as u32).collect())
            }
        })
    }

    /// Whether each window belongs to the test part.
    pub fn is_test(&self) -> Result<Option<Vec<bool>>> {
        let is_test = |(window, part): (usize, &String)| match part.trim().to_lowercase().as_str() {
            "train" => Ok(false),
            "test" => Ok(true),
            _ => Err(Error::data(format!("element {window} is {part:?}, expected train or test"))),
        };
        self.read(&PARTS, |array| match vector(array, self.n)? {
            Values::Text(parts) => parts.iter().enumerate().map(is_test).collect(),
            other => Err(Error::data(format!("{}, expected text: train or test", other.kind()))),
        })
    }

    /// The time steps of each window, out of `steps`.
    pub fn lengths(&self, steps: usize) -> Result<Option<Vec<usize>>> {
        let check = |(window, length): (usize, i64)| match usize::try_from(length) {
            Ok(length) if (1..=steps).contains(&length) => Ok(length),
            _ => Err(Error::data(format!("element {window} is {length}, expected 1 to {steps} time steps"))),
        };
        self.read(&LENGTHS, |array| match vector(array, self.n)? {
            Values::Integer(lengths) => lengths.into_iter().enumerate().map(check).collect(),
            other => Err(Error::data(format!("{}, expected integers", other.kind()))),
        })
    }

    /// Valence, arousal, dominance and liking of each window; NaN for the last ones where there are fewer
    /// columns.
    pub fn ratings(&self) -> Result<Option<Vec<[f32; 4]>>> {
        self.read(&RATINGS, |Array { shape, strides, values }| {
            let columns = match shape[..] {
                [n, columns @ 2..=4] if n == self.n => columns,
                _ => {
                    return Err(Error::data(format!("shape {shape:?}, expected ({}, 2 to 4)", self.n)).hint(
                        "the columns are valence, arousal, dominance and liking; the last two may be missing",
                    ));
                }
            };
            let rating = |window: usize, column: usize| match column < columns {
                true => rating(&values, window * strides[0] + column * strides[1])
                    .map_err(|e| e.at(format!("window {window}, column {column}"))),
                false => Ok(f32::NAN),
            };
            (0..self.n).map(|w| Ok([rating(w, 0)?, rating(w, 1)?, rating(w, 2)?, rating(w, 3)?])).collect()
        })
    }

    /// The scale of the ratings.
    pub fn rating_scale(&self) -> Result<Option<RatingScale>> {
        self.read(&RATING_SCALE, |Array { shape, values, .. }| {
            let number = |at: usize| (shape[..] == [2]).then(|| values.number(at)).flatten();
            match (number(0), number(1)) {
                (Some(low), Some(high)) if low.is_finite() && high.is_finite() && low < high => {
                    Ok(RatingScale { low, high })
                }
                _ => Err(Error::data(format!(
                    "{} of shape {shape:?}, expected the lowest and the highest rating",
                    values.kind()
                ))),
            }
        })
    }

    /// The contents of a field, if there is such an array; errors name it.
    fn read<T>(&self, field: &Field, convert: impl FnOnce(Array) -> Result<T>) -> Result<Option<T>> {
        let array = self.files.array(field)?;
        array.map(convert).transpose().map_err(|e| e.at(self.files.place(field)))
    }
}

/// One element for each of `n` windows: of shape (N) or (N, 1). Whole floating-point numbers become integers.
fn vector(array: Array, n: usize) -> Result<Values> {
    if array.shape != [n] && array.shape != [n, 1] {
        let found = array.shape;
        return Err(Error::data(format!("shape {found:?}, expected ({n},), one element per window")));
    }
    match array.values {
        Values::Float32(values) => whole(values.into_iter().map(f64::from)),
        Values::Float64(values) => whole(values.into_iter()),
        values => Ok(values),
    }
}

/// The classes in the order of the array, each once.
fn order(values: Values) -> Result<Vec<String>> {
    let (names, indices) = categories(values)?;
    match names.len() == indices.len() {
        true => Ok(indices.into_iter().map(|index| names[index].clone()).collect()),
        false => Err(Error::data("lists a class twice")),
    }
}

/// The rating at this place. Whether it is on the scale is seen when it is used.
fn rating(values: &Values, at: usize) -> Result<f32> {
    match (values, values.number(at)) {
        (Values::Bool(_) | Values::Text(_), _) | (_, None) => {
            Err(Error::data(format!("{}, expected numbers", values.kind())))
        }
        (_, Some(rating)) if rating.is_finite() => Ok(rating as f32),
        (_, Some(rating)) => Err(Error::data(format!("the rating is {rating}, expected a number"))
            .hint("leave out windows without a rating")),
    }
}

/// The number of a trial or stimulus.
fn index(number: i64) -> Result<u32> {
    u32::try_from(number)
        .map_err(|error| Error::data(format!("number {number}, expected 0 to 4294967295")).caused_by(error))
}

/// The integers that these floating-point numbers are.
fn whole(values: impl Iterator<Item = f64>) -> Result<Values> {
    /// 2^53: `f64` tells no larger integers from their neighbors.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let integer = |(window, value): (usize, f64)| match value.fract() == 0.0 && value.abs() <= LARGEST {
        true => Ok(value as i64),
        false if value.is_nan() => Err(Error::data(format!("element {window} is NaN"))
            .hint("leave that window out, or give it a value of its own")),
        false => Err(Error::data(format!("element {window} is {value}, expected integers or text"))
            .hint("ratings belong into an array \"ratings\"; names become text with `.astype(str)`")),
    };
    Ok(Values::Integer(values.enumerate().map(integer).collect::<Result<_>>()?))
}

/// The distinct values in ascending order (integers by value, texts by code point).
fn categories(values: Values) -> Result<Categories> {
    fn index<T: Ord>(values: &[T], name: impl Fn(&T) -> String) -> Categories {
        let distinct: Vec<&T> = values.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let indices = values.iter().map(|v| distinct.binary_search(&v).expect("it is one of them")).collect();
        (distinct.into_iter().map(name).collect(), indices)
    }
    match values {
        Values::Integer(values) => Ok(index(&values, i64::to_string)),
        // As Python prints them.
        Values::Bool(values) => {
            Ok(index(&values, |&value| if value { "True".into() } else { "False".into() }))
        }
        // Blanks around a name are no part of it: they would make two classes, people or stimuli of one.
        Values::Text(values) => match values.iter().position(|text| text.trim().is_empty()) {
            Some(window) => Err(Error::data(format!("element {window} is empty"))),
            None => {
                let trimmed: Vec<&str> = values.iter().map(|text| text.trim()).collect();
                Ok(index(&trimmed, |text| text.to_string()))
            }
        },
        Values::Float32(_) | Values::Float64(_) => unreachable!("a column's whole numbers are integers"),
    }
}

/// The refusal of labels of shape (N, K), one column per class. One-hot ones have a way out of their own.
fn one_hot(array: &Array, n: usize) -> Option<Error> {
    let columns = match array.shape[..] {
        [rows, columns] if rows == n && columns > 1 => columns,
        _ => return None,
    };
    let value =
        |row: usize, column: usize| array.values.number(row * array.strides[0] + column * array.strides[1]);
    let is_one_hot = (0..n).all(|row| {
        let count = |wanted| (0..columns).filter(|&column| value(row, column) == Some(wanted)).count();
        count(1.0) == 1 && count(0.0) == columns - 1
    });
    let error = Error::data(format!("shape {:?}, expected ({n},), one class per window", array.shape));
    Some(match is_one_hot {
        true => error.hint("these are one-hot labels: save `labels.argmax(1)`"),
        false => error.hint(
            "save one class per window: `labels.argmax(1)` for a score per class, one column for labels of several \
             kinds; ratings belong into an array \"ratings\"",
        ),
    })
}
