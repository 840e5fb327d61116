//! Butterworth filters, run forward and backward, so that they move nothing in time.

use realfft::num_complex::Complex;
use std::f64::consts::PI;

/// The frequencies that a filter lets pass, in Hz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pass {
    /// Those below.
    Low(f64),
    /// Those above.
    High(f64),
    /// Those between.
    Band(f64, f64),
}

/// A section of second order: `y[i] = b0 x[i] + b1 x[i-1] + b2 x[i-2] - a1 y[i-1] - a2 y[i-2]`.
#[derive(Clone, Copy, Debug)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

/// A Butterworth filter as second-order sections, by the bilinear transform with prewarped edges (Oppenheim
/// and Schafer, Discrete-Time Signal Processing).
///
/// Running it forward and backward doubles its order: the gain at an edge is 1/2.
#[derive(Clone, Debug)]
pub struct Filter {
    sections: Vec<Section>,
}

impl Filter {
    /// A filter of an even `order` for signals of `rate` Hz. A band-pass has `order` sections, the others
    /// have half as many.
    ///
    /// # Panics
    ///
    /// For an odd order, and for edges that are not between 0 and half the rate.
    pub fn new(order: usize, pass: Pass, rate: f64) -> Self {
        assert!(order > 0 && order.is_multiple_of(2), "an even order, and not {order}");
        let is_inside = |hertz: f64| hertz > 0.0 && 2.0 * hertz < rate;
        let fits = match pass {
            Pass::Low(edge) | Pass::High(edge) => is_inside(edge),
            Pass::Band(low, high) => low < high && is_inside(low) && is_inside(high),
        };
        assert!(fits, "{pass:?} at {rate} Hz");
        let warp = |hertz: f64| 2.0 * rate * (PI * hertz / rate).tan();
        let mut sections = Vec::new();
        for k in 0..order / 2 {
            let angle = PI * (2 * k + order + 1) as f64 / (2 * order) as f64;
            // A pole of the low-pass of 1 rad/s; its partner is its conjugate.
            let pole = Complex::from_polar(1.0, angle);
            // The analog poles, the numerator, and the frequency where the gain is 1.
            let (poles, b, unit) = match pass {
                Pass::Low(edge) => (vec![pole * warp(edge)], [1.0, 2.0, 1.0], 0.0),
                Pass::High(edge) => (vec![pole.inv() * warp(edge)], [1.0, -2.0, 1.0], PI),
                Pass::Band(low, high) => {
                    let (low, high) = (warp(low), warp(high));
                    let half = pole * ((high - low) / 2.0);
                    let root = (half * half - low * high).sqrt();
                    let center = 2.0 * ((low * high).sqrt() / (2.0 * rate)).atan();
                    (vec![half + root, half - root], [1.0, 0.0, -1.0], center)
                }
            };
            sections.extend(poles.into_iter().map(|pole| Section::new(pole, b, unit, rate)));
        }
        Filter { sections }
    }

    /// Samples by which both ends of a signal are extended; a signal must be longer.
    pub fn padding(&self) -> usize {
        3 * (2 * self.sections.len() + 1)
    }

    /// The filtered signal. Its ends are extended by their reflection in the first and the last sample
    /// (Gustafsson, IEEE Trans Signal Process 44, 1996, names this and better ways).
    ///
    /// # Panics
    ///
    /// For a signal that is not longer than [`Filter::padding`].
    pub fn apply(&self, signal: &[f64]) -> Vec<f64> {
        let (padding, last) = (self.padding(), signal.len() - 1);
        assert!(last >= padding, "{} samples", signal.len());
        let before = (1..=padding).rev().map(|i| 2.0 * signal[0] - signal[i]);
        let after = (1..=padding).map(|i| 2.0 * signal[last] - signal[last - i]);
        let mut extended: Vec<f64> = before.chain(signal.iter().copied()).chain(after).collect();
        for _direction in 0..2 {
            self.run(&mut extended);
            extended.reverse();
        }
        extended[padding..][..signal.len()].to_vec()
    }

    /// Filters in place, from the state in which a constant signal would have left each section.
    fn run(&self, signal: &mut [f64]) {
        let mut level = signal[0];
        for Section { b, a } in &self.sections {
            let gain = b.iter().sum::<f64>() / (1.0 + a[0] + a[1]);
            let mut second = (b[2] - a[1] * gain) * level;
            let mut first = (b[1] - a[0] * gain) * level + second;
            level *= gain;
            for sample in signal.iter_mut() {
                let out = b[0] * *sample + first;
                first = b[1] * *sample - a[0] * out + second;
                second = b[2] * *sample - a[1] * out;
                *sample = out;
            }
        }
    }
}

impl Section {
    /// The section of an analog pole and its conjugate, with a gain of 1 at the angle `unit`.
    fn new(pole: Complex<f64>, b: [f64; 3], unit: f64, rate: f64) -> Self {
        let pole = (2.0 * rate + pole) / (2.0 * rate - pole);
        let a = [-2.0 * pole.re, pole.norm_sqr()];
        let delay = Complex::from_polar(1.0, -unit);
        let gain = ((1.0 + delay * a[0] + delay * delay * a[1])
            / (b[0] + delay * b[1] + delay * delay * b[2]))
            .norm();
        Section { b: b.map(|b| b * gain), a }
    }
}
