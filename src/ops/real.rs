//! Number formats.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number that a device buffer can hold.
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
    /// `e` to the power of this.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// `1 / (1 + e^-x)`
    fn sigmoid(self) -> Self;
    /// `tanh`.
    fn tanh(self) -> Self;

    /// The product of a weight and a number inside a product of matrices, which some devices multiply with
    /// fewer bits.
    fn product(self, other: Self) -> Self {
        self * other
    }
    /// The product of a gradient and a number inside the gradient by a weight.
    fn outer(self, other: Self) -> Self {
        self.product(other)
    }
    /// Rounded as a layer saves it for backward.
    fn saved(self) -> Self {
        self
    }
    /// A gradient, rounded as a layer saves it for other gradients.
    fn saved_gradient(self) -> Self {
        self.saved()
    }

    /// 0.
    fn zero() -> Self {
        Self::of(0.0)
    }
    /// 1.
    fn one() -> Self {
        Self::of(1.0)
    }
    /// Whether it is neither NaN nor infinite.
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
