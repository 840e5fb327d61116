//! The stack machine: the effect of each opcode.

use std::collections::HashMap;
use std::io::Read;

use super::numpy::Sink;
use super::opcode as op;
use super::source::Source;
use super::text;
use super::value::{Global, Heap, Object, Value};
use crate::{Error, Result};

/// The largest number of opcodes in one file; a DEAP file has about a hundred. An opcode makes at most one
/// object, memo entry or stack element, so this bounds all three.
const MOST_OPCODES: u32 = 1 << 18;

pub struct Machine<R> {
    pub source: Source<R>,
    pub heap: Heap,
    stack: Vec<Value>,
    /// Heights of the stack at the open MARKs.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<R: Read> Machine<R> {
    pub fn new(source: Source<R>) -> Self {
        let (heap, memo) = (Heap::default(), HashMap::new());
        Machine { source, heap, stack: Vec::new(), marks: Vec::new(), memo }
    }

    /// Runs up to STOP and returns the top of the stack.
    pub fn run(&mut self) -> Result<Value> {
        for _ in 0..MOST_OPCODES {
            let at = self.source.position();
            let opcode = self.source.byte()?;
            if opcode == op::STOP {
                return self.pop().map_err(|error| error.at(format_args!("byte {at}")));
            }
            self.step(opcode).map_err(|error| error.at(format_args!("byte {at}")))?;
        }
        let at = self.source.position();
        Err(Error::data(format!(
            "byte {at}: more than {MOST_OPCODES} opcodes, far more than a DEAP file has"
        )))
    }

    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::PROTO => self.protocol()?,
            op::FRAME => {
                let length = self.length8()?;
                self.source.announce(length)?;
            }

            op::NONE => self.stack.push(Value::None),
            op::NEWTRUE => self.stack.push(Value::Bool(true)),
            op::NEWFALSE => self.stack.push(Value::Bool(false)),

            op::INT => self.int_line()?,
            op::BININT => {
                let value = i32::from_le_bytes(self.source.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT1 => {
                let value = self.source.byte()?;
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.source.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            op::LONG => self.long_line()?,
            op::LONG1 => self.long(Self::length1)?,
            op::LONG4 => self.long(Self::signed_length4)?,
            op::FLOAT => self.float_line()?,
            op::BINFLOAT => {
                self.source.array::<8>()?;
                self.stack.push(Value::Unused);
            }

            op::STRING => self.quoted()?,
            op::BINSTRING => self.bytes(Self::signed_length4)?,
            op::SHORT_BINSTRING | op::SHORT_BINBYTES => self.bytes(Self::length1)?,
            op::BINBYTES => self.bytes(Self::length4)?,
            op::BINBYTES8 | op::BYTEARRAY8 => self.bytes(Self::length8)?,
            op::UNICODE => self.unicode_line()?,
            op::SHORT_BINUNICODE => self.utf8(Self::length1)?,
            op::BINUNICODE => self.utf8(Self::length4)?,
            op::BINUNICODE8 => self.utf8(Self::length8)?,

            op::MARK => self.marks.push(self.stack.len()),
            op::POP => self.pop().map(drop)?,
            op::POP_MARK => self.pop_mark().map(drop)?,
            op::DUP => self.stack.push(self.top()?),

            op::EMPTY_TUPLE => self.tuple(Vec::new())?,
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let items = self.pop_many(1 + usize::from(opcode - op::TUPLE1))?;
                self.tuple(items)?;
            }
            op::TUPLE => {
                let items = self.pop_mark()?;
                self.tuple(items)?;
            }

            op::EMPTY_LIST => self.push(Object::List(Vec::new())),
            op::LIST => {
                let items = self.pop_mark()?;
                self.push(Object::List(Vec::new()));
                self.append(&items)?;
            }
            op::APPEND => {
                let items = self.pop_many(1)?;
                self.append(&items)?;
            }
            op::APPENDS => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }

            op::EMPTY_DICT => self.push(Object::Dict(Vec::new())),
            op::DICT => {
                let items = self.pop_mark()?;
                self.push(Object::Dict(Vec::new()));
                self.insert(&items)?;
            }
            op::SETITEM => {
                let items = self.pop_many(2)?;
                self.insert(&items)?;
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                self.insert(&items)?;
            }

            op::PUT => {
                let index = self.index_line()?;
                self.put(index)?;
            }
            op::BINPUT => {
                let index = self.source.byte()?;
                self.put(index.into())?;
            }
            op::LONG_BINPUT => {
                let index = u32::from_le_bytes(self.source.array()?);
                self.put(index)?;
            }
            op::MEMOIZE => self.put(self.memo.len() as u32)?,
            op::GET => {
                let index = self.index_line()?;
                self.get(index)?;
            }
            op::BINGET => {
                let index = self.source.byte()?;
                self.get(index.into())?;
            }
            op::LONG_BINGET => {
                let index = u32::from_le_bytes(self.source.array()?);
                self.get(index)?;
            }

            op::GLOBAL => self.global()?,
            op::STACK_GLOBAL => self.stack_global()?,
            op::INST => self.instance()?,
            op::REDUCE => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let value = self.heap.reduce(function, arguments)?;
                self.stack.push(value);
            }
            op::BUILD => {
                let (state, object) = (self.pop()?, self.top()?);
                self.heap.build(object, state)?;
            }
            _ => return Err(unexpected(opcode)),
        }
        Ok(())
    }

    fn protocol(&mut self) -> Result<()> {
        match self.source.byte()? {
            0..=5 => Ok(()),
            version => Err(Error::data(format!("pickle protocol {version}, expected 0 to 5"))),
        }
    }

    fn int_line(&mut self) -> Result<()> {
        let line = self.source.line()?;
        let value = match line.as_str() {
            "00" => Value::Bool(false),
            "01" => Value::Bool(true),
            digits => integer(digits)?,
        };
        self.stack.push(value);
        Ok(())
    }

    fn long_line(&mut self) -> Result<()> {
        let line = self.source.line()?;
        let value = integer(line.strip_suffix('L').unwrap_or(&line))?;
        self.stack.push(value);
        Ok(())
    }

    fn float_line(&mut self) -> Result<()> {
        let line = self.source.line()?;
        line.parse::<f64>()
            .map_err(|error| Error::data(format!("{line:?}, expected a number")).caused_by(error))?;
        self.stack.push(Value::Unused);
        Ok(())
    }

    fn global(&mut self) -> Result<()> {
        let (module, name) = (self.source.line()?, self.source.line()?);
        self.stack.push(Value::Global(Global::named(&module, &name)?));
        Ok(())
    }

    fn stack_global(&mut self) -> Result<()> {
        let names = self.pop_many(2)?;
        let [Some(module), Some(name)] = [0, 1].map(|i| self.heap.as_name(names[i])) else {
            return Err(Error::data("a global whose name is not text"));
        };
        let global = Global::named(&String::from_utf8_lossy(module), &String::from_utf8_lossy(name))?;
        self.stack.push(Value::Global(global));
        Ok(())
    }

    /// INST: refuses every name, because none of the allowed globals makes an instance.
    fn instance(&mut self) -> Result<()> {
        let (module, name) = (self.source.line()?, self.source.line()?);
        Global::named(&module, &name)?;
        Err(Error::data(format!("an instance of {module}.{name}")))
    }

    fn push(&mut self, object: Object) {
        let value = self.heap.add(object);
        self.stack.push(value);
    }

    fn tuple(&mut self, items: Vec<Value>) -> Result<()> {
        let tuple = self.heap.tuple(items)?;
        self.stack.push(tuple);
        Ok(())
    }

    fn append(&mut self, items: &[Value]) -> Result<()> {
        let list = self.top()?;
        self.heap.append(list, items)
    }

    fn insert(&mut self, items: &[Value]) -> Result<()> {
        let dict = self.top()?;
        self.heap.insert(dict, items)
    }

    /// The number of elements above the last MARK. Opcodes cannot reach those below it until the MARK is
    /// closed.
    fn reachable(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Value> {
        match self.stack.last() {
            Some(&value) if self.reachable() > 0 => Ok(value),
            _ => Err(empty_stack()),
        }
    }

    fn pop(&mut self) -> Result<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value>> {
        match self.reachable() >= count {
            true => Ok(self.stack.split_off(self.stack.len() - count)),
            false => Err(empty_stack()),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().ok_or_else(|| Error::data("the end of a list without its beginning"))?;
        Ok(self.stack.split_off(mark))
    }

    fn put(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn get(&mut self, index: u32) -> Result<()> {
        let found = self.memo.get(&index).copied();
        self.stack.push(found.ok_or_else(|| Error::data(format!("nothing in the memo under {index}")))?);
        Ok(())
    }

    fn index_line(&mut self) -> Result<u32> {
        let line = self.source.line()?;
        line.parse().map_err(|error| Error::data(format!("the memo index {line:?}")).caused_by(error))
    }

    fn length1(&mut self) -> Result<u64> {
        Ok(self.source.byte()?.into())
    }

    fn length4(&mut self) -> Result<u64> {
        Ok(u32::from_le_bytes(self.source.array()?).into())
    }

    fn signed_length4(&mut self) -> Result<u64> {
        let length = i32::from_le_bytes(self.source.array()?);
        u64::try_from(length).map_err(|error| Error::data(format!("the length {length}")).caused_by(error))
    }

    fn length8(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.source.array()?))
    }

    /// The sink of a string of `length` bytes that starts here.
    fn sink(&self, length: u64) -> Sink {
        // While the file's length is unknown, allocate only for bytes that have arrived.
        let sure = if self.source.length_known() { length as usize } else { 0 };
        Sink::new(self.heap.awaited_dtype(&self.stack), sure)
    }

    /// STRING: a quoted line.
    fn quoted(&mut self) -> Result<()> {
        let mut sink = self.sink(0);
        text::quoted(&mut self.source, &mut sink)?;
        self.push(sink.object());
        Ok(())
    }

    /// UNICODE: a line in raw-unicode-escape.
    fn unicode_line(&mut self) -> Result<()> {
        let mut sink = self.sink(0);
        let latin1 = text::raw_unicode_escape(&mut self.source, &mut sink)?;
        self.text(sink, latin1);
        Ok(())
    }

    fn bytes(&mut self, length: fn(&mut Self) -> Result<u64>) -> Result<()> {
        let length = length(self)?;
        self.source.announce(length)?;
        let mut sink = self.sink(length);
        text::raw(&mut self.source, length, &mut sink)?;
        self.push(sink.object());
        Ok(())
    }

    fn utf8(&mut self, length: fn(&mut Self) -> Result<u64>) -> Result<()> {
        let length = length(self)?;
        self.source.announce(length)?;
        let mut sink = self.sink(length);
        let latin1 = text::utf8(&mut self.source, length, &mut sink)?;
        self.text(sink, latin1);
        Ok(())
    }

    fn text(&mut self, sink: Sink, latin1: bool) {
        match latin1 {
            true => self.push(sink.object()),
            false => self.stack.push(Value::Unused),
        }
    }

    /// LONG1, LONG4: a little-endian two's-complement integer. One of more than 64 bits is skipped.
    fn long(&mut self, length: fn(&mut Self) -> Result<u64>) -> Result<()> {
        let length = length(self)?;
        if length > 8 {
            self.source.skip(length)?;
            self.stack.push(Value::Unused);
            return Ok(());
        }
        let mut bytes = [0; 8];
        for byte in &mut bytes[..length as usize] {
            *byte = self.source.byte()?;
        }
        let unused = 64 - 8 * length as u32;
        let value = i64::from_le_bytes(bytes).checked_shl(unused).map_or(0, |value| value >> unused);
        self.stack.push(Value::Int(value));
        Ok(())
    }
}

/// A decimal integer; one beyond 64 bits is [`Value::Unused`].
fn integer(digits: &str) -> Result<Value> {
    let number = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    match digits.parse() {
        Ok(value) => Ok(Value::Int(value)),
        Err(_) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Value::Unused),
        Err(_) => Err(Error::data(format!("{digits:?}, expected an integer"))),
    }
}

fn empty_stack() -> Error {
    Error::data("an opcode that needs more values than there are")
}

fn unexpected(opcode: u8) -> Error {
    let name = match opcode {
        op::PERSID | op::BINPERSID => "a reference to an object outside the file",
        op::OBJ | op::NEWOBJ | op::NEWOBJ_EX => "an instance of a class",
        op::EXT1 | op::EXT2 | op::EXT4 => "an extension registered in another program",
        op::EMPTY_SET | op::ADDITEMS | op::FROZENSET => "a set",
        op::NEXT_BUFFER | op::READONLY_BUFFER => "a buffer outside the file",
        _ => {
            let shown = opcode.escape_ascii();
            return Error::data(format!(
                "{shown} is no pickle opcode: the file is damaged, or is not a pickle"
            ));
        }
    };
    Error::data(format!("{name}, expected only NumPy arrays of floats and plain values"))
}
