//! The parts of a Markdown page: lines of code, code within sentences, and everything else.

/// A page in its parts, in order.
#[derive(Default)]
pub struct Parts {
    /// Lines of indented or fenced code.
    pub code: Vec<String>,
    /// Code within sentences, with blanks for line breaks.
    pub spans: Vec<String>,
    /// The text without any code. Each heading keeps its line.
    pub prose: String,
    /// The headings, without `#` and backticks.
    pub headings: Vec<String>,
}

impl Parts {
    pub fn of(page: &str) -> Parts {
        let mut parts = Parts::default();
        let mut sentences = String::new();
        let (mut is_fenced, mut is_blank) = (false, true);
        for line in page.lines() {
            let is_fence = line.trim_start().starts_with("```");
            let is_list =
                line.trim_start().starts_with(['-', '*']) || line.trim_start().starts_with(char::is_numeric);
            // Indented code begins after an empty line, or goes on.
            let is_code = line.starts_with("    ") && is_blank && !is_list;
            if is_fence {
                is_fenced = !is_fenced;
            } else if is_fenced || is_code {
                parts.code.push(line.trim().to_string());
            } else {
                if let Some(heading) = line.strip_prefix('#') {
                    parts.headings.push(heading.trim_start_matches('#').trim().replace('`', ""));
                }
                sentences += line;
                sentences.push('\n');
            }
            is_blank = line.trim().is_empty() || (is_code && !is_fence);
        }
        parts.prose = parts.take_spans(&sentences);
        parts
    }

    /// Moves code within `text` to the spans, and returns the rest. Code in two backticks may hold more code.
    fn take_spans(&mut self, text: &str) -> String {
        let mut rest = String::new();
        let mut left = text;
        while let Some(start) = left.find('`') {
            rest += &left[..start];
            let ticks = left[start..].chars().take_while(|&c| c == '`').count();
            let inside = &left[start + ticks..];
            let Some(end) = closing(inside, ticks) else {
                return rest + &left[start..];
            };
            let code = &inside[..end];
            if code.contains('`') {
                self.take_spans(code);
            } else {
                self.spans.push(code.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            left = &inside[end + ticks..];
        }
        rest + left
    }
}

/// Where a run of exactly `ticks` backticks begins.
fn closing(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let run = text[at + found..].chars().take_while(|&c| c == '`').count();
        if run == ticks {
            return Some(at + found);
        }
        at += found + run;
    }
    None
}
