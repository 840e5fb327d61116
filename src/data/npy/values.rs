//! Elements in memory.

/// Elements, converted from any width and byte order without rounding.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `float16` and `float32`.
    Float32(Vec<f32>),
    /// `float64`.
    Float64(Vec<f64>),
    /// Integers of any width, with and without sign.
    Integer(Vec<i64>),
    /// `bool`.
    Bool(Vec<bool>),
    /// Texts, of Unicode (`U`) or bytes (`S`).
    Text(Vec<String>),
}

impl Values {
    /// The name of the type in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Values::Float32(_) | Values::Float64(_) => "floating point",
            Values::Integer(_) => "integer",
            Values::Bool(_) => "bool",
            Values::Text(_) => "text",
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::Float32(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Integer(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `index` as a number; `None` for text and for integers that `f64` would round.
    pub fn number(&self, index: usize) -> Option<f64> {
        match self {
            Values::Float32(values) => Some(f64::from(values[index])),
            Values::Float64(values) => Some(values[index]),
            Values::Integer(values) => {
                let value = values[index];
                (value as f64 as i128 == i128::from(value)).then_some(value as f64)
            }
            Values::Bool(values) => Some(f64::from(u8::from(values[index]))),
            Values::Text(_) => None,
        }
    }
}
