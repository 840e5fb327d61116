//! burn on Flex, its CPU backend. Threads: RAYON_NUM_THREADS.

use burn::tensor::Device;
use peers::{about, burn_layers, serve};

fn main() {
    serve(&about("burn", "burn"), |case, train| burn_layers::build(case, train, Device::flex()));
}
