//! The effect of the calls by which NumPy's pickles make arrays of floats.

use std::mem;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::elements::{Dtype, Elements, Float, Order};
use super::value::{Array, Global, Heap, Object, Value};
use crate::{Error, Result};

/// The destination of a string while it is read.
pub enum Sink {
    /// The bytes are stored as they are.
    Bytes(Vec<Vec<u8>>),
    /// The bytes belong to an array and are converted at once.
    Elements(Elements),
}

impl Sink {
    /// Bytes are stored in pieces of this size, so that each piece can be freed as soon as it is converted.
    const PIECE: usize = 1 << 20;

    /// A sink for elements of `dtype`, or for bytes. `bytes` is the known length, or 0.
    pub fn new(dtype: Option<Dtype>, bytes: usize) -> Self {
        match dtype {
            Some(dtype) => Sink::Elements(Elements::new(dtype, bytes)),
            None => Sink::Bytes(vec![Vec::with_capacity(bytes.min(Sink::PIECE))]),
        }
    }

    pub fn push(&mut self, mut bytes: &[u8]) {
        let pieces = match self {
            Sink::Elements(elements) => return elements.push(bytes),
            Sink::Bytes(pieces) => pieces,
        };
        while !bytes.is_empty() {
            match pieces.last_mut() {
                Some(piece) if piece.len() < Sink::PIECE => {
                    let (head, rest) = bytes.split_at(bytes.len().min(Sink::PIECE - piece.len()));
                    piece.extend_from_slice(head);
                    bytes = rest;
                }
                _ => pieces.push(Vec::with_capacity(Sink::PIECE)),
            }
        }
    }

    pub fn object(self) -> Object {
        match self {
            Sink::Bytes(pieces) => Object::Bytes(pieces),
            Sink::Elements(elements) => Object::Elements(elements),
        }
    }
}

impl Heap {
    /// The dtype of the array whose bytes come next, if the stack shows that an array's bytes come next.
    ///
    /// An array's state is (1, shape, dtype, is Fortran, bytes). Re-saves by Python 3 with protocols up to 2
    /// write the bytes as `_codecs.encode(text, "latin1")`.
    pub fn awaited_dtype(&self, stack: &[Value]) -> Option<Dtype> {
        let stack = stack.strip_suffix(&[Value::Global(Global::Encode)]).unwrap_or(stack);
        match stack {
            &[.., dtype, Value::Bool(_)] => match self.object(dtype)?.1 {
                Object::Dtype(dtype) if dtype.order.is_some() => Some(*dtype),
                _ => None,
            },
            _ => None,
        }
    }

    /// The result of `function(*arguments)`, for the calls that NumPy writes.
    pub fn reduce(&mut self, function: Value, arguments: Value) -> Result<Value> {
        let Some(arguments) = self.as_tuple(arguments).map(<[Value]>::to_vec) else {
            return Err(Error::data(format!(
                "arguments that are {}, expected a tuple",
                self.describe(arguments)
            )));
        };
        match (function, arguments.as_slice()) {
            (Value::Global(Global::Encode), &[text, codec]) if self.as_name(codec) == Some(b"latin1") => {
                match self.object(text) {
                    Some((_, Object::Bytes(_) | Object::Elements(_))) => Ok(text),
                    _ => {
                        Err(Error::data(format!("{} to encode, expected Latin-1 text", self.describe(text))))
                    }
                }
            }
            (Value::Global(Global::Reconstruct), &[Value::Global(Global::Ndarray), _, _]) => {
                Ok(self.add(Object::Array(None)))
            }
            (Value::Global(Global::Dtype), &[code, _, _]) => {
                let float = match self.as_name(code) {
                    Some(b"f4") => Float::F4,
                    Some(b"f8") => Float::F8,
                    _ => {
                        let found = self.describe(code);
                        return Err(Error::data(format!(
                            "an array of dtype {found}, expected \"f4\" or \"f8\""
                        )));
                    }
                };
                Ok(self.add(Object::Dtype(Dtype { float, order: None })))
            }
            (Value::Global(Global::FromBuffer), &[bytes, dtype, shape, order]) => {
                let fortran = match self.as_name(order) {
                    Some(b"C") => false,
                    Some(b"F") => true,
                    _ => {
                        let found = self.describe(order);
                        return Err(Error::data(format!("the array order {found}, expected \"C\" or \"F\"")));
                    }
                };
                let array = self.array(shape, dtype, fortran, bytes)?;
                Ok(self.add(Object::Array(Some(array))))
            }
            _ => Err(Error::data(format!(
                "a call of {} with {} arguments that NumPy does not make",
                self.describe(function),
                arguments.len()
            ))),
        }
    }

    /// The effect of `object.__setstate__(state)` on a dtype or an array.
    pub fn build(&mut self, object: Value, state: Value) -> Result<()> {
        let state = self.as_tuple(state).map(<[Value]>::to_vec).unwrap_or_default();
        match (self.object(object), state.as_slice()) {
            (
                Some((id, &Object::Dtype(dtype))),
                &[
                    Value::Int(3),
                    order,
                    Value::None,
                    Value::None,
                    Value::None,
                    Value::Int(-1),
                    Value::Int(-1),
                    Value::Int(0),
                ],
            ) => {
                let order = match self.as_name(order) {
                    Some(b"<") => Order::Little,
                    Some(b">") => Order::Big,
                    _ => {
                        let found = self.describe(order);
                        return Err(Error::data(format!("the byte order {found}, expected \"<\" or \">\"")));
                    }
                };
                // A change would also change the arrays that already have this dtype.
                if dtype.order.is_some_and(|old| old != order) {
                    return Err(Error::data("a dtype whose byte order changes"));
                }
                *self.get_mut(id) = Object::Dtype(Dtype { order: Some(order), ..dtype });
                Ok(())
            }
            (
                Some((id, Object::Array(None))),
                &[Value::Int(1), shape, dtype, Value::Bool(fortran), bytes],
            ) => {
                let array = self.array(shape, dtype, fortran, bytes)?;
                *self.get_mut(id) = Object::Array(Some(array));
                Ok(())
            }
            _ => {
                let found = self.describe(object);
                Err(Error::data(format!(
                    "a state for {found} that NumPy does not write for an array of floats"
                )))
            }
        }
    }

    fn array(&mut self, shape: Value, dtype: Value, fortran: bool, bytes: Value) -> Result<Array> {
        let dtype = match self.object(dtype) {
            Some((_, &Object::Dtype(dtype))) if dtype.order.is_some() => dtype,
            _ => return Err(Error::data(format!("an array of {}, expected a dtype", self.describe(dtype)))),
        };
        let shape = self.shape(shape)?;
        let Value::Object(id) = bytes else {
            return Err(Error::data(format!("an array's bytes are {}", self.describe(bytes))));
        };
        if let Object::Bytes(pieces) = self.get_mut(id) {
            // The elements grow by doubling while pieces are freed: together they take at most 1.5 times the
            // bytes.
            let mut elements = Elements::new(dtype, 0);
            for piece in mem::take(pieces) {
                elements.push(&piece);
            }
            elements.values.shrink_to_fit();
            *self.get_mut(id) = Object::Elements(elements);
        }
        let elements = match self.get(id) {
            Object::Elements(elements) if elements.dtype == dtype => elements,
            Object::Elements(_) => return Err(Error::data("the same bytes in arrays of different dtypes")),
            _ => return Err(Error::data(format!("an array's bytes are {}", self.describe(bytes)))),
        };
        let found = elements.values.len() * dtype.size() + elements.partial.len();
        let count = shape.iter().try_fold(1, |count: usize, &length| count.checked_mul(length));
        match count.and_then(|count| count.checked_mul(dtype.size())) {
            Some(expected) if expected == found => Ok(Array { shape, fortran, elements: id }),
            _ => Err(Error::data(format!("an array of shape {shape:?} with {found} bytes"))),
        }
    }

    fn shape(&self, shape: Value) -> Result<Vec<usize>> {
        const MOST_AXES: usize = 8;
        let axes = self.as_tuple(shape).filter(|axes| axes.len() <= MOST_AXES);
        let length = |&axis: &Value| match axis {
            Value::Int(length) => usize::try_from(length).ok(),
            _ => None,
        };
        axes.and_then(|axes| axes.iter().map(length).collect()).ok_or_else(|| {
            let found = self.describe(shape);
            Error::data(format!(
                "an array's shape is {found}, expected at most {MOST_AXES} lengths, none negative"
            ))
        })
    }

    /// Takes the `wanted` arrays, given as (name, value), out of the heap, in row-major order.
    pub fn take_arrays<const N: usize>(&mut self, wanted: [(&str, Value); N]) -> Result<[ArrayD<f64>; N]> {
        let mut arrays = [const { None }; N];
        for (index, &(name, value)) in wanted.iter().enumerate() {
            arrays[index] = match self.object(value) {
                Some((_, Object::Array(Some(array)))) => Some(array.clone()),
                Some((_, Object::Array(None))) => {
                    return Err(Error::data(format!("{name:?} is an array without contents")));
                }
                _ => {
                    return Err(Error::data(format!(
                        "{name:?} is {}, expected an array",
                        self.describe(value)
                    )));
                }
            };
        }
        let arrays = arrays.map(|array| array.expect("every one was found"));
        let ids = arrays.each_ref().map(|array| array.elements);
        let mut index = 0;
        Ok(arrays.map(|array| {
            index += 1;
            let values = match self.get_mut(array.elements) {
                Object::Elements(elements) if ids[index..].contains(&array.elements) => {
                    elements.values.clone()
                }
                Object::Elements(elements) => mem::take(&mut elements.values),
                _ => unreachable!("`array` converted these bytes, and nothing converts them back"),
            };
            row_major(array, values)
        }))
    }
}

fn row_major(array: Array, values: Vec<f64>) -> ArrayD<f64> {
    let values = ArrayD::from_shape_vec(IxDyn(&array.shape).set_f(array.fortran), values)
        .expect("the shape was compared with the number of values");
    match array.fortran {
        true => values.as_standard_layout().into_owned(),
        false => values,
    }
}
