//! A value for each window, in any of the types that programs have.

use crate::data::npy::Values;

/// One value for each window or channel: numbers or names.
#[derive(Clone, Debug, PartialEq)]
pub struct Column(pub(super) Values);

/// A type whose values number or name things.
pub trait Category: Sized {
    /// The values as those of an array.
    fn values(column: &[Self]) -> Values;
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(impl Category for $integer {
            fn values(column: &[Self]) -> Values {
                Values::Integer(column.iter().map(|&value| value as i64).collect())
            }
        })*
    };
}

// Each fits into 64 bits with a sign, an index of memory too.
integers!(u8 u16 u32 i8 i16 i32 i64 usize);

impl Category for bool {
    fn values(column: &[Self]) -> Values {
        Values::Bool(column.to_vec())
    }
}

impl Category for &str {
    fn values(column: &[Self]) -> Values {
        Values::Text(column.iter().map(|name| name.to_string()).collect())
    }
}

impl Category for String {
    fn values(column: &[Self]) -> Values {
        Values::Text(column.to_vec())
    }
}

impl<T: Category> From<&[T]> for Column {
    fn from(column: &[T]) -> Self {
        Column(T::values(column))
    }
}

impl<T: Category> From<&Vec<T>> for Column {
    fn from(column: &Vec<T>) -> Self {
        Column(T::values(column))
    }
}

impl<T: Category> From<Vec<T>> for Column {
    fn from(column: Vec<T>) -> Self {
        Column(T::values(&column))
    }
}

impl<T: Category, const N: usize> From<&[T; N]> for Column {
    fn from(column: &[T; N]) -> Self {
        Column(T::values(column))
    }
}

impl<T: Category, const N: usize> From<[T; N]> for Column {
    fn from(column: [T; N]) -> Self {
        Column(T::values(&column))
    }
}
