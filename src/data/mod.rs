//! From files to labeled sequences: recordings, frames, windows, labels, splits, normalization.

pub mod bandpower;
pub mod bands;
pub mod cases;
pub mod channels;
pub mod contents;
pub mod copies;
mod cut;
pub mod deap;
pub mod demo;
pub mod feature;
pub mod features;
pub mod frames;
pub mod grouping;
pub mod inspect;
pub mod labels;
mod names;
pub mod normalize;
pub mod npz;
pub mod permutation;
pub mod recording;
mod scaled;
pub mod sequences;
pub mod source;
pub mod split;
pub mod stats;
pub mod ts;
mod welch;
