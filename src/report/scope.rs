//! The scope of the scores on the page: whom they are about, and what limits them.

use crate::data::normalize::Normalize;
use crate::data::split::{TRANSDUCTIVE, UNBOUND, asks_by_kind};
use crate::run::Manifest;
use maud::{Markup, html};

/// Whom the split asks about, and what no reader of a score may miss.
pub(super) fn headline(manifest: &Manifest) -> String {
    match &manifest.scope {
        Some(scope) => scope.headline(),
        None => {
            let transductive = (manifest.normalize == Normalize::Subject).then_some(TRANSDUCTIVE);
            let parts = std::iter::once(asks_by_kind(manifest.split.kind)).chain(transductive);
            parts.collect::<Vec<_>>().join("; ")
        }
    }
}

/// The grouping, its cautions and the missing classes.
pub(super) fn notes(manifest: &Manifest) -> Markup {
    let notes = match &manifest.scope {
        Some(scope) => scope.notes(),
        None => vec!["grouping: not recorded (the run is of an older version)".into()],
    };
    html! { ul.notes.scope { @if manifest.unbound { li { (UNBOUND) } } @for note in notes { li { (note) } } } }
}

/// The tested share and the kind of scaling, for the line below the name of the run.
pub(super) fn limits(manifest: &Manifest) -> Markup {
    let tested = manifest.scope.as_ref().and_then(|scope| scope.tested.describe());
    html! {
        @if let Some(tested) = tested { " · " (tested) }
        @if manifest.normalize == Normalize::Subject { " · transductive" }
    }
}
