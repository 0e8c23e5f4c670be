//! `derive(Template)` for applications whose only web dependency is `acton-service`.
//!
//! Askama's own derive names a crate called `askama`, which such an application does not have.
//! This one writes the same code, but finds Askama at `::acton_service::askama`.
//! Everything else is Askama's: see [its guide](https://askama.readthedocs.io/en/stable/).
//!
//! Use it through `acton_service::prelude::*`; an application that depends on `acton-templates` alone uses Askama's derive.

use proc_macro::TokenStream;

/// Generates `Template` for a struct or enum from the file or source named in `#[template(…)]`.
///
/// | attribute | meaning |
/// |---|---|
/// | `path = "tasks/list.html"` | a file below the crate's `templates` folder |
/// | `source = "<p>{{ text }}</p>", ext = "html"` | the template itself |
/// | `blocks = ["list", "count"]` | also generates `as_list()` and `as_count()`, which render one block each |
/// | `block = "list"` | renders that block alone |
///
/// The remaining attributes are in Askama's
/// [reference](https://askama.readthedocs.io/en/stable/creating_templates.html).
#[expect(clippy::missing_panics_doc, reason = "a constant item parses")]
#[proc_macro_derive(Template, attributes(template))]
pub fn derive_template(input: TokenStream) -> TokenStream {
    askama_derive::derive_template(input.into(), || {
        "use ::acton_service::askama;"
            .parse()
            .expect("a constant item parses")
    })
    .into()
}
