//! The values and objects that a pickle builds. Values refer to objects by index: shared objects cost
//! nothing, freeing them needs no recursion, and every reference sees a change to an object (BUILD).

use super::elements::{Dtype, Elements};
use crate::{Error, Result};

/// The deepest nesting that is read. A DEAP file nests three deep.
const DEEPEST: u8 = 32;

/// The only globals that a file may name. None of them is ever called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Global {
    Reconstruct,
    Ndarray,
    Dtype,
    FromBuffer,
    Encode,
}

impl Global {
    /// The global of that name. Refuses every name that NumPy does not need for an array of floats.
    pub fn named(module: &str, name: &str) -> Result<Global> {
        match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Ok(Global::Reconstruct),
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Ok(Global::FromBuffer),
            ("numpy", "ndarray") => Ok(Global::Ndarray),
            ("numpy", "dtype") => Ok(Global::Dtype),
            ("_codecs", "encode") => Ok(Global::Encode),
            _ => Err(Error::data(format!(
                "the global {:?} is not allowed; expected only NumPy arrays of floats and plain values",
                format!("{module}.{name}")
            ))
            .hint("nothing in the file was run; it is not an original DEAP file, so do not load it elsewhere either")),
        }
    }
}

/// Something on the stack, in the memo or in a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A value that nothing uses: a float, an integer wider than 64 bits, text outside Latin-1.
    Unused,
    Global(Global),
    Object(Id),
}

/// Index of an object in its [`Heap`].
pub type Id = u32;

pub enum Object {
    /// Code points below 256, in pieces: Python 2's `str`, Python 3's `bytes`, and a `str` in Latin-1. NumPy
    /// and Python 2 use them interchangeably.
    Bytes(Vec<Vec<u8>>),
    /// The bytes of an array, converted.
    Elements(Elements),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Dtype(Dtype),
    /// An array, `None` between `_reconstruct` and BUILD.
    Array(Option<Array>),
}

/// A complete array. The object `elements` holds its elements.
#[derive(Clone)]
pub struct Array {
    pub shape: Vec<usize>,
    pub fortran: bool,
    pub elements: Id,
}

struct Node {
    object: Object,
    depth: u8,
    /// Whether a container holds it. A pickler completes a container before inserting it into another one,
    /// except in a cycle.
    held: bool,
}

/// All objects of one pickle.
#[derive(Default)]
pub struct Heap {
    nodes: Vec<Node>,
}

impl Heap {
    pub fn add(&mut self, object: Object) -> Value {
        self.nodes.push(Node { object, depth: 0, held: false });
        Value::Object(self.nodes.len() as Id - 1)
    }

    pub fn tuple(&mut self, items: Vec<Value>) -> Result<Value> {
        let tuple = self.add(Object::Tuple(Vec::new()));
        let Value::Object(id) = tuple else { unreachable!("`add` returns an object") };
        self.hold(id, &items)?;
        self.nodes[id as usize].object = Object::Tuple(items);
        Ok(tuple)
    }

    /// Appends `items` to a list.
    pub fn append(&mut self, list: Value, items: &[Value]) -> Result<()> {
        let Some((id, Object::List(_))) = self.object(list) else {
            return Err(Error::data(format!("items for {}, expected a list", self.describe(list))));
        };
        self.hold(id, items)?;
        if let Object::List(list) = self.get_mut(id) {
            list.extend_from_slice(items);
        }
        Ok(())
    }

    /// Inserts `items`, alternating keys and values, into a dictionary.
    pub fn insert(&mut self, dict: Value, items: &[Value]) -> Result<()> {
        let Some((id, Object::Dict(_))) = self.object(dict) else {
            return Err(Error::data(format!("items for {}, expected a dictionary", self.describe(dict))));
        };
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::data("a dictionary key without a value"));
        }
        self.hold(id, items)?;
        if let Object::Dict(dict) = self.get_mut(id) {
            dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    /// Makes `items` parts of `container`. A held container cannot grow, so no cycle can be built.
    fn hold(&mut self, container: Id, items: &[Value]) -> Result<()> {
        let mut depth = self.nodes[container as usize].depth.max(1);
        for &item in items {
            if let Value::Object(id) = item {
                let node = &mut self.nodes[id as usize];
                node.held = true;
                depth = depth.max(node.depth + 1);
            }
        }
        if depth > DEEPEST {
            return Err(Error::data(format!("nested more than {DEEPEST} deep")));
        }
        let node = &mut self.nodes[container as usize];
        node.depth = depth;
        match node.held {
            true => Err(Error::data("a container that contains itself or grows inside another one")),
            false => Ok(()),
        }
    }

    pub fn get(&self, id: Id) -> &Object {
        &self.nodes[id as usize].object
    }

    pub fn get_mut(&mut self, id: Id) -> &mut Object {
        &mut self.nodes[id as usize].object
    }

    pub fn object(&self, value: Value) -> Option<(Id, &Object)> {
        match value {
            Value::Object(id) => Some((id, self.get(id))),
            _ => None,
        }
    }

    pub fn as_tuple(&self, value: Value) -> Option<&[Value]> {
        match self.object(value)?.1 {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A string short enough to be a name.
    pub fn as_name(&self, value: Value) -> Option<&[u8]> {
        match self.object(value)?.1 {
            Object::Bytes(pieces) if pieces.len() <= 1 => Some(pieces.first().map_or(&[], Vec::as_slice)),
            _ => None,
        }
    }

    /// A description of `value` for messages. Text is escaped and cut at 40 characters.
    pub fn describe(&self, value: Value) -> String {
        match value {
            Value::None => "None".into(),
            Value::Bool(value) => format!("the boolean {value}"),
            Value::Int(value) => format!("the integer {value}"),
            Value::Unused => "a number or text".into(),
            Value::Global(global) => format!("the global {global:?}"),
            Value::Object(id) => match self.get(id) {
                Object::Bytes(_) => match self.as_name(value) {
                    Some(name) => {
                        let shown: Vec<u8> = name.iter().copied().take(40).collect();
                        format!("\"{}\"", shown.escape_ascii())
                    }
                    None => "a long string".into(),
                },
                Object::Elements(_) => "the bytes of an array".into(),
                Object::Tuple(items) => format!("a tuple of {}", items.len()),
                Object::List(items) => format!("a list of {}", items.len()),
                Object::Dict(items) => format!("a dictionary of {}", items.len()),
                Object::Dtype(_) => "a dtype".into(),
                Object::Array(_) => "an array".into(),
            },
        }
    }
}
