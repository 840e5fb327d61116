//! The numbers of a case by name, on the host.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

/// Inputs and cotangents of a case by name, on the host. Every buffer begins with the model axis.
#[derive(Clone, Debug, Default)]
pub struct Tensors {
    /// Tensors of real numbers, by name.
    pub reals: BTreeMap<&'static str, Vec<f64>>,
    /// Tensors of `u32`, by name.
    pub words: BTreeMap<&'static str, Vec<u32>>,
}

impl Tensors {
    /// Adds a tensor of real numbers.
    pub fn with(mut self, name: &'static str, values: Vec<f64>) -> Self {
        self.reals.insert(name, values);
        self
    }

    /// Adds a tensor of `u32`.
    pub fn with_words(mut self, name: &'static str, values: Vec<u32>) -> Self {
        self.words.insert(name, values);
        self
    }

    /// The tensor of real numbers `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<&[f64]> {
        self.reals.get(name).map(Vec::as_slice)
    }

    /// The tensor of `u32` `name`.
    pub fn words(&self, name: &str) -> &[u32] {
        self.words.get(name).unwrap_or_else(|| panic!("no tensor `{name}`"))
    }

    /// Those of model `m` of `models`.
    pub fn model(&self, m: usize, models: usize) -> Tensors {
        Tensors {
            reals: self.reals.iter().map(|(&name, values)| (name, part(values, m, models))).collect(),
            words: self.words.iter().map(|(&name, values)| (name, part(values, m, models))).collect(),
        }
    }
}

impl Index<&str> for Tensors {
    type Output = Vec<f64>;

    fn index(&self, name: &str) -> &Vec<f64> {
        self.reals.get(name).unwrap_or_else(|| panic!("no tensor `{name}`"))
    }
}

impl IndexMut<&str> for Tensors {
    fn index_mut(&mut self, name: &str) -> &mut Vec<f64> {
        self.reals.get_mut(name).unwrap_or_else(|| panic!("no tensor `{name}`"))
    }
}

/// The outputs of a case, on the host, in the order in which it computes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs(pub Vec<(&'static str, Vec<f64>)>);

impl Outputs {
    /// Names of the outputs.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|(name, _)| *name)
    }

    /// Those of model `m` of `models`.
    pub fn model(&self, m: usize, models: usize) -> Outputs {
        Outputs(self.0.iter().map(|(name, values)| (*name, part(values, m, models))).collect())
    }
}

impl Index<&str> for Outputs {
    type Output = Vec<f64>;

    fn index(&self, name: &str) -> &Vec<f64> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        &found.unwrap_or_else(|| panic!("no output `{name}`")).1
    }
}

impl IndexMut<&str> for Outputs {
    fn index_mut(&mut self, name: &str) -> &mut Vec<f64> {
        let found = self.0.iter_mut().find(|(other, _)| *other == name);
        &mut found.unwrap_or_else(|| panic!("no output `{name}`")).1
    }
}

fn part<T: Clone>(values: &[T], m: usize, models: usize) -> Vec<T> {
    values[m * values.len() / models..(m + 1) * values.len() / models].to_vec()
}
