//! The text of a kernel as the device's compiler gets it: constants and parameters first, then the files,
//! with their loops written out.
//!
//! The files in `kernels/wgsl/` are WGSL but for one thing. The lines between `//# for i in 0..N` and `//#
//! end` stand there `N` times, `$i` being the number; each end of the range is a number, a constant, or one
//! divided by a number. WGSL has no arrays in registers that could be indexed in a loop.

use super::kernel::Kernel;
use std::fmt::Write;

/// All of `kernel`'s text.
pub fn text(kernel: &Kernel) -> String {
    let mut text = format!("// {}\n", kernel.name());
    for (name, value) in &kernel.constants {
        writeln!(text, "const {name} = {value}u;").expect("strings take everything");
    }
    writeln!(text, "\nstruct Parameters {{ {}: u32 }}", kernel.parameters.join(": u32, "))
        .expect("strings take everything");
    text.push_str("@group(0) @binding(0) var<uniform> p: Parameters;\n");
    for file in &kernel.files {
        text.push('\n');
        let lines: Vec<&str> = file.lines().collect();
        expand(&lines, &kernel.constants, &mut text);
    }
    text
}

/// Writes `lines` with their loops written out.
fn expand(lines: &[&str], constants: &[(&'static str, u32)], text: &mut String) {
    let mut i = 0;
    while i < lines.len() {
        let Some(head) = lines[i].trim_start().strip_prefix("//# for ") else {
            text.push_str(lines[i]);
            text.push('\n');
            i += 1;
            continue;
        };
        let (variable, range) = head.split_once(" in ").expect("`//# for i in 0..N`");
        let (start, end) = range.split_once("..").expect("`//# for i in 0..N`");
        let body = i + 1..i + 1 + length_of_body(&lines[i + 1..]);
        i = body.end + 1;
        for number in value(start, constants)..value(end, constants) {
            let replaced: Vec<String> = lines[body.clone()]
                .iter()
                .map(|line| line.replace(&format!("${variable}"), &number.to_string()))
                .collect();
            expand(&replaced.iter().map(String::as_str).collect::<Vec<_>>(), constants, text);
        }
    }
}

/// Lines before the `//# end` that belongs to a loop's head.
fn length_of_body(lines: &[&str]) -> usize {
    let mut depth = 1;
    for (i, line) in lines.iter().enumerate() {
        match line.trim_start() {
            "//# end" => depth -= 1,
            line if line.starts_with("//# for ") => depth += 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    panic!("a loop of a kernel has no end");
}

/// `7`, `ROWS` or `PADDED/4`.
fn value(expression: &str, constants: &[(&'static str, u32)]) -> u32 {
    let (name, divisor) = expression.split_once('/').map_or((expression, 1), |(name, divisor)| {
        (name, divisor.parse().expect("a number divides the end of a loop"))
    });
    let constant = constants.iter().find(|(constant, _)| *constant == name).map(|(_, value)| *value);
    constant.or_else(|| name.parse().ok()).expect("a number or a constant ends a loop") / divisor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_written_out() {
        let lines = [
            "//# for r in 0..2",
            "let a$r = 0;",
            "  //# for k in 0..N/2",
            "f($r, $ku);",
            "  //# end",
            "//# end",
            "z",
        ];
        let mut text = String::new();
        expand(&lines, &[("N", 4)], &mut text);
        assert_eq!(text, "let a0 = 0;\nf(0, 0u);\nf(0, 1u);\nlet a1 = 0;\nf(1, 0u);\nf(1, 1u);\nz\n");
    }
}
