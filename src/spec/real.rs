//! Number formats.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// What a device buffer can hold.
pub trait Word: bytemuck::Pod + Default + Send + Sync + Debug {}

impl Word for u32 {}
impl Word for f32 {}
impl Word for f64 {}

/// A number format that the equations can be evaluated in.
pub trait Real:
    Word
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Sum
{
    /// How the format is called in reports.
    const NAME: &'static str;

    /// From a constant or a host-side number.
    fn of(value: f64) -> Self;
    /// To a host-side number.
    fn get(self) -> f64;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn sqrt(self) -> Self;
    /// `1 / (1 + e^-x)`
    fn sigmoid(self) -> Self;
    fn tanh(self) -> Self;

    fn zero() -> Self {
        Self::of(0.0)
    }
    fn one() -> Self {
        Self::of(1.0)
    }
    fn is_finite(self) -> bool {
        self.get().is_finite()
    }
}

macro_rules! real {
    ($format:ident) => {
        impl Real for $format {
            const NAME: &'static str = stringify!($format);
            fn of(value: f64) -> Self {
                value as $format
            }
            fn get(self) -> f64 {
                self.into()
            }
            fn exp(self) -> Self {
                <$format>::exp(self)
            }
            fn ln(self) -> Self {
                <$format>::ln(self)
            }
            fn sqrt(self) -> Self {
                <$format>::sqrt(self)
            }
            fn sigmoid(self) -> Self {
                1.0 / (1.0 + <$format>::exp(-self))
            }
            fn tanh(self) -> Self {
                <$format>::tanh(self)
            }
        }
    };
}

real!(f32);
real!(f64);

/// `f32` whose `sigmoid` and `tanh` are off by [`Approximate::ACTIVATION_ERROR`], up or down as a hash of the argument
/// says: what a correct backend with approximated activations may compute. Its distance from `f64` is the error that
/// such a backend is allowed, propagated through the cells and not guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Approximate(f32);

impl Approximate {
    /// Every backend's activations must be at least this good, absolutely.
    pub const ACTIVATION_ERROR: f64 = 2e-7;

    fn off(exact: f64, argument: f32) -> Self {
        let up = argument.to_bits().wrapping_mul(0x9E37_79B9) >> 31 == 0;
        let error = if up { Self::ACTIVATION_ERROR } else { -Self::ACTIVATION_ERROR };
        Approximate((exact + error) as f32)
    }
}

impl Word for Approximate {}

impl Real for Approximate {
    const NAME: &'static str = "f32 with approximated activations";
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
        Self::off(Real::sigmoid(f64::from(self.0)), self.0)
    }
    fn tanh(self) -> Self {
        Self::off(f64::from(self.0).tanh(), self.0)
    }
}

macro_rules! operator {
    ($name:ident, $function:ident) => {
        impl $name for Approximate {
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

impl Neg for Approximate {
    type Output = Self;
    fn neg(self) -> Self {
        Approximate(-self.0)
    }
}

impl Sum for Approximate {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Approximate(0.0), |sum, number| sum + number)
    }
}
