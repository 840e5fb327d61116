//! The frame of every page and of every table on it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Nothing is loaded and nothing runs, whatever a page is made to hold.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A whole HTML document that needs nothing but itself.
pub(crate) fn frame(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    (body)
                    footer { "Written by engine " (env!("CARGO_PKG_VERSION")) "." }
                }
            }
        }
    }
}

/// A part of the page under its heading; `id` links to it.
pub(crate) fn section(id: &str, heading: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-heading" } {
            h2 id={ (id) "-heading" } { (heading) }
            (body)
        }
    }
}

/// A table in a box of its own, which scrolls where the page is narrow. The first cell of a row names it; the
/// last `sums` rows sum the others up.
pub(crate) fn table(caption: &str, header: &[&str], rows: &[Vec<String>], sums: usize) -> Markup {
    let sums_from = rows.len() - sums;
    html! {
        (scrolling(caption, &html! {
            table {
                caption { (caption) }
                thead { tr { @for name in header { th scope="col" { (name) } } } }
                tbody {
                    @for (i, row) in rows.iter().enumerate() {
                        tr class=[(i >= sums_from).then_some("sum")] {
                            @for (j, cell) in row.iter().enumerate() {
                                @if j == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }))
    }
}

/// Whoever uses the keyboard alone has to reach what scrolls.
pub(crate) fn scrolling(what: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(what) tabindex="0" { (content) } }
}

/// Names beside their values.
pub(crate) fn facts(list: &[(&str, String)]) -> Markup {
    html! { dl { @for (name, value) in list { dt { (name) } dd { (value) } } } }
}
