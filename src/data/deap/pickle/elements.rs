//! The elements of arrays: their dtypes, and the conversion of bytes to `f64`.

use std::mem;

/// A dtype; its byte order is `None` between `numpy.dtype` and BUILD.
#[derive(Clone, Copy, PartialEq)]
pub struct Dtype {
    pub float: Float,
    pub order: Option<Order>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Float {
    F4,
    F8,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Order {
    Little,
    Big,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self.float {
            Float::F4 => 4,
            Float::F8 => 8,
        }
    }
}

/// Elements of `dtype`, converted to `f64` while their bytes arrive.
pub struct Elements {
    pub dtype: Dtype,
    pub values: Vec<f64>,
    /// The first bytes of an element that has not arrived completely.
    pub partial: Vec<u8>,
}

impl Elements {
    pub fn new(dtype: Dtype, bytes: usize) -> Self {
        Elements { dtype, values: Vec::with_capacity(bytes / dtype.size()), partial: Vec::new() }
    }

    pub fn push(&mut self, mut bytes: &[u8]) {
        let size = self.dtype.size();
        if !self.partial.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(size - self.partial.len()));
            self.partial.extend_from_slice(head);
            bytes = rest;
            if self.partial.len() < size {
                return;
            }
            let element = mem::take(&mut self.partial);
            self.convert(&element);
        }
        let (whole, partial) = bytes.split_at(bytes.len() - bytes.len() % size);
        self.convert(whole);
        self.partial.extend_from_slice(partial);
    }

    fn convert(&mut self, bytes: &[u8]) {
        let values = &mut self.values;
        match (self.dtype.float, self.dtype.order) {
            (Float::F8, Some(Order::Big)) => {
                values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from_be_bytes(b)));
            }
            (Float::F8, _) => values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b))),
            (Float::F4, Some(Order::Big)) => {
                values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_be_bytes(b))));
            }
            (Float::F4, _) => {
                values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))));
            }
        }
    }
}
