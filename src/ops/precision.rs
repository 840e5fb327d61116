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
    /// 10 bits of mantissa and 5 of exponent in the weights of recurrent layers, and in the values that they
    /// save for the backward pass; gradients are saved with the exponents and the mantissa of `bf16`.
    F16,
}

impl Precision {
    /// Every precision, from the most exact down.
    pub const ALL: [Precision; 4] = [Precision::Fp32, Precision::Tf32, Precision::F16, Precision::Bf16];

    /// The name of the precision, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
        }
    }

    /// `sigmoid` and `tanh` must be at least this good, absolutely: see [`Precision::tanh_error`] for small
    /// numbers.
    pub const fn activation_error(self) -> f64 {
        match self {
            Precision::Fp32 | Precision::F16 => 2e-7,
            // The special function unit: 2^-22 of an exponential, 2^-23 of a quotient.
            Precision::Tf32 => 4e-7,
            // And its tanh: 2^-11.
            Precision::Bf16 => 4.9e-4,
        }
    }

    /// How far `tanh` may be off where it is `value`. It keeps small numbers: there the bound is relative, in
    /// `f32` and `f16` below 0.1, and that of the other precisions as much as their products round.
    pub fn tanh_error(self, value: f64) -> f64 {
        let size = value.abs();
        match self {
            Precision::Fp32 | Precision::F16 if size < 0.1 => self.activation_error() * size,
            Precision::Tf32 if size < 1e-3 => 4.9e-4 * size,
            Precision::Bf16 => self.activation_error() * size,
            _ => self.activation_error(),
        }
    }

    /// One rounding of a number of size 1, somewhat rounded up.
    pub fn rounding(self) -> f64 {
        match self {
            Precision::Fp32 => 1e-7,
            Precision::Tf32 | Precision::F16 => 5e-4,
            Precision::Bf16 => 4e-3,
        }
    }
}

/// Evaluates an expression with a precision's number format, [`Approximate`] of its mantissa and exponent.
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
            $crate::ops::Precision::F16 => {
                type $format = $crate::ops::Approximate<10, 5>;
                $work
            }
        }
    };
}
pub(crate) use in_precision;

/// `f32` as a correct device may compute with it: `sigmoid` and `tanh` are off by
/// [`Precision::activation_error`] and [`Precision::tanh_error`], up or down as a hash of the argument says
/// (an odd `SALT` makes another hash, another such device), and products of matrices multiply numbers of
/// `MANTISSA` bits, with `EXPONENT` bits of exponent. Its distance from `f64` is the error that such a device
/// is allowed, propagated through the cells and not guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Approximate<const MANTISSA: u32, const EXPONENT: u32 = 8, const SALT: u32 = 0x9E37_79B9>(f32);

// SAFETY: it has the representation of an `f32`, for which zeros are a number.
unsafe impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> bytemuck::Zeroable
    for Approximate<MANTISSA, EXPONENT, SALT>
{
}
// SAFETY: it has the representation of an `f32`, of which any bits are a number and none is padding.
unsafe impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> bytemuck::Pod
    for Approximate<MANTISSA, EXPONENT, SALT>
{
}

impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> Approximate<MANTISSA, EXPONENT, SALT> {
    const PRECISION: Precision = match (EXPONENT, MANTISSA) {
        (8, 23) => Precision::Fp32,
        (8, 10) => Precision::Tf32,
        (8, 7) => Precision::Bf16,
        (5, 10) => Precision::F16,
        _ => panic!("no device multiplies numbers of so many bits"),
    };

    fn off(exact: f64, error: f64, argument: f32) -> Self {
        let up = argument.to_bits().wrapping_mul(SALT) >> 31 == 0;
        Approximate((exact + if up { error } else { -error }) as f32)
    }

    /// To the nearest number of the precision, ties to even.
    fn rounded(self) -> f32 {
        match Self::PRECISION {
            Precision::Fp32 => self.0,
            Precision::Tf32 => to_mantissa(self.0, 10),
            Precision::Bf16 => to_mantissa(self.0, 7),
            // A number that no half can hold becomes the largest.
            Precision::F16 => half::f16::from_f32(self.0).clamp(half::f16::MIN, half::f16::MAX).to_f32(),
        }
    }
}

/// To the nearest number of so many bits of mantissa, ties to even.
fn to_mantissa(x: f32, bits_kept: u32) -> f32 {
    if !x.is_finite() {
        return x;
    }
    let (bits, dropped) = (x.to_bits(), 23 - bits_kept);
    let odd = (bits >> dropped) & 1;
    f32::from_bits((bits + (1 << (dropped - 1)) - 1 + odd) & !((1 << dropped) - 1))
}

impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> Word
    for Approximate<MANTISSA, EXPONENT, SALT>
{
}

impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> Real
    for Approximate<MANTISSA, EXPONENT, SALT>
{
    const NAME: &'static str = match Self::PRECISION {
        Precision::Fp32 => "f32 with approximated activations",
        Precision::Tf32 => "tf32 with approximated activations",
        Precision::Bf16 => "bf16 with approximated activations",
        Precision::F16 => "f16 with approximated activations",
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
        match Self::PRECISION {
            // A weight that no half can hold is none.
            Precision::F16 if self.0.abs() >= 65_520.0 => Approximate(f32::NAN),
            Precision::F16 => Approximate(self.rounded() * other.0),
            _ => Approximate(self.rounded() * other.rounded()),
        }
    }
    fn outer(self, other: Self) -> Self {
        match Self::PRECISION {
            Precision::F16 => self * other,
            _ => self.product(other),
        }
    }
    fn saved(self) -> Self {
        match Self::PRECISION {
            Precision::Fp32 | Precision::Tf32 => self,
            Precision::Bf16 | Precision::F16 => Approximate(self.rounded()),
        }
    }
    fn saved_gradient(self) -> Self {
        match Self::PRECISION {
            Precision::Fp32 | Precision::Tf32 => self,
            Precision::Bf16 | Precision::F16 => Approximate(to_mantissa(self.0, 7)),
        }
    }
}

macro_rules! operator {
    ($name:ident, $function:ident) => {
        impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> $name
            for Approximate<MANTISSA, EXPONENT, SALT>
        {
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

impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> Neg
    for Approximate<MANTISSA, EXPONENT, SALT>
{
    type Output = Self;
    fn neg(self) -> Self {
        Approximate(-self.0)
    }
}

impl<const MANTISSA: u32, const EXPONENT: u32, const SALT: u32> Sum
    for Approximate<MANTISSA, EXPONENT, SALT>
{
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
        // A half has 5 bits of exponent; of a product only the first operand, the weight, is one.
        let half = |a: f32| Approximate::<10, 5>(a).product(Approximate(1.0)).0;
        for (number, rounded) in [
            (1.0 + 1.0 / 2048.0, 1.0), // a tie, to even
            (1.0 + 1.1 / 2048.0, 1.0 + 1.0 / 1024.0),
            (1e-6, 17.0 / 16_777_216.0), // below 2^-14 in steps of 2^-24
            (1e-8, 0.0),
            (-65_519.0, -65_504.0),
        ] {
            assert_eq!(half(number), rounded, "{number}");
        }
        assert!(half(-65_520.0).is_nan());
        assert_eq!(Approximate::<10, 5>(-1e6).saved().0, -65_504.0);
        assert_eq!(Approximate::<10, 5>(1.0).product(Approximate(1e-8)).0, 1e-8);
        assert_eq!(Approximate::<10, 5>(1e-8).outer(Approximate(1.0)).0, 1e-8);
        assert_eq!(Approximate::<10, 5>(1e-8 * 1.001).saved_gradient().0, to_mantissa(1e-8 * 1.001, 7));
        assert_eq!(Approximate::<23>(1.000_000_1).product(Approximate(1.0)).0, 1.000_000_1);
        assert_eq!((Approximate::<7>(1.001) * Approximate(1.0)).0, 1.001, "other products are not rounded");
    }
}
