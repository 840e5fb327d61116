//! The name of a recurrent cell together with its directions: `lstm`, `bilstm`.

use crate::ops::Cell;
use crate::word::plain;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A recurrent cell in one direction (`lstm`) or two (`bilstm`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellName {
    cell: Cell,
    dirs: usize,
}

/// Every cell in one direction, then every cell in two.
const ALL: [CellName; 2 * Cell::ALL.len()] = {
    let mut all = [CellName { cell: Cell::ALL[0], dirs: 1 }; 2 * Cell::ALL.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = CellName { cell: Cell::ALL[i % Cell::ALL.len()], dirs: 1 + i / Cell::ALL.len() };
        i += 1;
    }
    all
};

/// The names of [`ALL`].
const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = ALL[i].name();
        i += 1;
    }
    names
};

impl CellName {
    /// `cell` in `dirs` directions, 1 or 2.
    pub const fn new(cell: Cell, dirs: usize) -> Self {
        CellName { cell, dirs }
    }

    /// The name in the configuration file and on the command line.
    pub const fn name(self) -> &'static str {
        if self.dirs == 2 { self.cell.bidirectional_name() } else { self.cell.name() }
    }

    /// The cell and the number of directions.
    pub fn parts(self) -> (Cell, usize) {
        (self.cell, self.dirs)
    }
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for CellName {
    fn value_variants<'a>() -> &'a [Self] {
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

impl Serialize for CellName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for CellName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = CellName;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the name of a cell")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<CellName, E> {
                let plain = plain(name);
                let found = ALL.into_iter().find(|cell| cell.name() == plain);
                found.ok_or_else(|| E::unknown_variant(name, &NAMES))
            }
        }

        deserializer.deserialize_str(Name)
    }
}
