//! The formats of GEMM operands, and their rounding errors.

use super::{Real, Word};
use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Format of the operands of matrix products. Sums and states are always `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// `f32` throughout.
    Fp32,
    /// 10 bits of mantissa, the default of PyTorch's and cuDNN's recurrent layers.
    #[default]
    Tf32,
    /// 7 bits of mantissa, also in the values that a layer saves for its backward pass.
    Bf16,
}

impl Precision {
    /// Every precision, from the most exact down.
    pub const ALL: [Precision; 3] = [Precision::Fp32, Precision::Tf32, Precision::Bf16];

    /// The name of the precision, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
        }
    }

    /// `sigmoid` and `tanh` must be at least this good, absolutely: see [`Precision::tanh_error`] for small
    /// numbers.
    pub const fn activation_error(self) -> f64 {
        match self {
            Precision::Fp32 => 2e-7,
            // The special function unit: 2^-22 of an exponential, 2^-23 of a quotient.
            Precision::Tf32 => 4e-7,
            // And its tanh: 2^-11.
            Precision::Bf16 => 4.9e-4,
        }
    }

    /// How far `tanh` may be off where it is `value`. It keeps small numbers: there the bound is relative, in
    /// `f32` below 0.1 and that of the other precisions as much as their products round.
    pub fn tanh_error(self, value: f64) -> f64 {
        let size = value.abs();
        match self {
            Precision::Fp32 if size < 0.1 => self.activation_error() * size,
            Precision::Tf32 if size < 1e-3 => 4.9e-4 * size,
            Precision::Bf16 => self.activation_error() * size,
            _ => self.activation_error(),
        }
    }

    /// One rounding of a number of size 1, somewhat rounded up.
    pub fn rounding(self) -> f64 {
        match self {
            Precision::Fp32 => 1e-7,
            Precision::Tf32 => 5e-4,
            Precision::Bf16 => 4e-3,
        }
    }
}

/// Evaluates an expression with a precision's number format, [`Approximate`] of its mantissa.
macro_rules! in_precision {
    ($precision:expr, $format:ident => $work:expr) => {
        match $precision {
            $crate::ops::Precision::Fp32 => {
                type $format = $crate::ops::Approximate<23>;
                $work
            }
            $crate::ops::Precision::Tf32 => {
                type $format = $crate::ops::Approximate<10>;
                $work
            }
            $crate::ops::Precision::Bf16 => {
                type $format = $crate::ops::Approximate<7>;
                $work
            }
        }
    };
}
pub(crate) use in_precision;

/// `f32` as a correct device may compute with it: `sigmoid` and `tanh` are off by
/// [`Precision::activation_error`] and [`Precision::tanh_error`], up or down as a hash of the argument says
/// (an odd `SALT` makes another hash, another such device), and products of matrices multiply numbers of
/// `MANTISSA` bits. Its distance from `f64` is the error that such a device is allowed, propagated through
/// the cells and not guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Approximate<const MANTISSA: u32, const SALT: u32 = 0x9E37_79B9>(f32);

// SAFETY: it has the representation of an `f32`, for which zeros are a number.
unsafe impl<const MANTISSA: u32, const SALT: u32> bytemuck::Zeroable for Approximate<MANTISSA, SALT> {}
// SAFETY: it has the representation of an `f32`, of which any bits are a number and none is padding.
unsafe impl<const MANTISSA: u32, const SALT: u32> bytemuck::Pod for Approximate<MANTISSA, SALT> {}

impl<const MANTISSA: u32, const SALT: u32> Approximate<MANTISSA, SALT> {
    const PRECISION: Precision = match MANTISSA {
        23 => Precision::Fp32,
        10 => Precision::Tf32,
        7 => Precision::Bf16,
        _ => panic!("no device multiplies numbers of so many bits"),
    };

    fn off(exact: f64, error: f64, argument: f32) -> Self {
        let up = argument.to_bits().wrapping_mul(SALT) >> 31 == 0;
        Approximate((exact + if up { error } else { -error }) as f32)
    }

    /// To the nearest number of `MANTISSA` bits, ties to even.
    fn rounded(self) -> f32 {
        let dropped = 23 - MANTISSA;
        if dropped == 0 || !self.0.is_finite() {
            return self.0;
        }
        let bits = self.0.to_bits();
        let odd = (bits >> dropped) & 1;
        f32::from_bits((bits + (1 << (dropped - 1)) - 1 + odd) & !((1 << dropped) - 1))
    }
}

impl<const MANTISSA: u32, const SALT: u32> Word for Approximate<MANTISSA, SALT> {}

impl<const MANTISSA: u32, const SALT: u32> Real for Approximate<MANTISSA, SALT> {
    const NAME: &'static str = match Self::PRECISION {
        Precision::Fp32 => "f32 with approximated activations",
        Precision::Tf32 => "tf32 with approximated activations",
        Precision::Bf16 => "bf16 with approximated activations",
    };
    fn of(value: f64) -> Self {
        Approximate(value as f32)
    }
    fn get(self) -> f64 {
        self.0.into()
    }
    fn exp(self) -> Self {
        Approximate(self.0.exp())
    }
    fn ln(self) -> Self {
        Approximate(self.0.ln())
    }
    fn sqrt(self) -> Self {
        Approximate(self.0.sqrt())
    }
    fn sigmoid(self) -> Self {
        Self::off(Real::sigmoid(f64::from(self.0)), Self::PRECISION.activation_error(), self.0)
    }
    fn tanh(self) -> Self {
        let exact = f64::from(self.0).tanh();
        Self::off(exact, Self::PRECISION.tanh_error(exact), self.0)
    }
    fn product(self, other: Self) -> Self {
        Approximate(self.rounded() * other.rounded())
    }
    fn saved(self) -> Self {
        match Self::PRECISION {
            Precision::Fp32 | Precision::Tf32 => self,
            Precision::Bf16 => Approximate(self.rounded()),
        }
    }
}

macro_rules! operator {
    ($name:ident, $function:ident) => {
        impl<const MANTISSA: u32, const SALT: u32> $name for Approximate<MANTISSA, SALT> {
            type Output = Self;
            fn $function(self, other: Self) -> Self {
                Approximate($name::$function(self.0, other.0))
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<const MANTISSA: u32, const SALT: u32> Neg for Approximate<MANTISSA, SALT> {
    type Output = Self;
    fn neg(self) -> Self {
        Approximate(-self.0)
    }
}

impl<const MANTISSA: u32, const SALT: u32> Sum for Approximate<MANTISSA, SALT> {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Approximate(0.0), |sum, number| sum + number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_rounded_to_the_nearest() {
        let product = |a: f32| Approximate::<7>(a).product(Approximate(1.0)).0;
        for (number, rounded) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),               // a tie, to even
            (1.0 + 3.0 / 256.0, 1.0 + 2.0 / 128.0), // a tie, to even
            (1.0 + 1.1 / 256.0, 1.0 + 1.0 / 128.0),
            (-3.001, -3.0),
            (f32::INFINITY, f32::INFINITY),
        ] {
            assert_eq!(product(number), rounded, "{number}");
        }
        assert_eq!(Approximate::<10>(1.000_4).product(Approximate(1.0)).0, 1.0);
        assert_eq!(Approximate::<23>(1.000_000_1).product(Approximate(1.0)).0, 1.000_000_1);
        assert_eq!((Approximate::<7>(1.001) * Approximate(1.0)).0, 1.001, "other products are not rounded");
    }
}
